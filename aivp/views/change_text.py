"""The field changes of one step → lines: `~ mode: 0644 -> 0600`, diffs of longer texts and lists, elements of sets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from aivp_contract import canonical
from aivp_contract.pointer import parts
from aivp_contract.values import Json, Tagged

from aivp.plan.steps import Step, StepChange
from aivp.views import escape
from aivp.views.page import Page, Piece
from aivp.views.text_diff import TextDiff, diff_lines, diff_texts
from aivp.views.value_text import pair_text, value_lines, value_text

FOLD = 40
"""Lines of one text or list that are shown unless verbose."""

LONGEST = {False: 400, True: 20_000}
"""Characters of one line of a file, by verbosity; of a value, half of it."""

ENTRY = ("entry", "entries")
_OPS = {"add": ("+ ", "good"), "remove": ("- ", "bad"), "replace": ("~ ", "change")}
_SIGNS = {"+": ("+ ", "good"), "-": ("- ", "bad"), " ": ("  ", ""), "@": ("", "accent"), "\\": ("\\ ", "faint")}


def write_changes(page: Page, step: Step, indent: int, *, is_verbose: bool) -> None:
    """Every change of `step`, one field after the other."""
    writer = _Writer(page, step, is_verbose)
    for name, group in groupby(step.changes, key=lambda change: parts(change.path)[:1]):
        changes = list(group)
        if len(changes) == 1 and len(parts(changes[0].path)) <= 1:
            writer.change(".".join(name) or "(everything)", changes[0], indent)
            continue
        page.add(("change", "~ "), ("", f"{''.join(name)}:"), indent=indent)
        for change in changes:
            writer.member(parts(change.path)[1:], change, indent + 2)


class _Writer:
    def __init__(self, page: Page, step: Step, is_verbose: bool) -> None:
        self.page = page
        self.is_new = step.action == "create"
        self.is_mixed = len({change.cause for change in step.changes}) > 1
        self.is_verbose = is_verbose

    def member(self, path: Sequence[str], change: StepChange, indent: int) -> None:
        """An element of a set by itself; a member of a mapping or keyed list by its name."""
        value = change.before if change.op == "remove" else change.after
        name = ".".join(path)
        if change.op != "replace" and len(path) == 1 and _is_named(value, name):
            sign, meaning = _OPS[change.op]
            pieces = ((meaning, f"{sign}{value_text(value)}"), self._cause(change))
            self.page.add(*pieces, indent=indent)
        else:
            self.change(name, change, indent)

    def change(self, name: str, change: StepChange, indent: int) -> None:
        """One field."""
        sign, meaning = ("", "good") if self.is_new else _OPS.get(change.op, ("~ ", "change"))
        head: tuple[Piece, ...] = ((meaning, sign), ("", f"{escape.line(name, 400)}:"))
        diff = self._diff(change, indent + len(sign) + len(name) + 2)
        if diff is None:
            self.page.add(*head, ("", " "), *self._values(change), self._cause(change), indent=indent, hang=4)
        else:
            noun = ("line", "lines") if any(type(value) is str for value in (change.before, change.after)) else ENTRY
            self.page.add(*head, ("", f" {_sum(change, diff, noun)}"), self._cause(change), indent=indent, hang=4)
            self._write(diff, indent + 2)

    def _values(self, change: StepChange) -> Sequence[Piece]:
        most = LONGEST[self.is_verbose] // 2
        if change.op == "add":
            return (("good", value_text(change.after, most)),)
        if change.op == "remove":
            return (("bad", value_text(change.before, most)),)
        before, after = pair_text(change.before, change.after, most)
        return (("bad", before), ("", " -> "), ("good", after))

    def _diff(self, change: StepChange, used: int) -> TextDiff | None:
        """The difference line by line, where there are lines: in texts, and in lists and mappings that are too wide."""
        sides = [value for op, value in (("add", change.before), ("remove", change.after)) if op != change.op]
        if any(type(value) is str and "\n" in value for value in sides):
            return diff_texts(*(_text(value) for value in (change.before, change.after)))
        if not any(type(value) in (list, dict) for value in sides):
            return None
        if used + sum(len(text) for _, text in self._values(change)) <= self.page.width:
            return None
        return diff_lines(*(_lines(value, LONGEST[self.is_verbose]) for value in (change.before, change.after)))

    def _write(self, diff: TextDiff, indent: int) -> None:
        shown = diff.lines if self.is_verbose else diff.lines[:FOLD]
        for kind, text in shown:
            sign, meaning = _SIGNS[kind]
            self.page.add_verbatim(meaning, sign, escape.line(text, LONGEST[self.is_verbose]), indent)
        if len(diff.lines) > len(shown):
            hidden = len(diff.lines) - len(shown)
            self.page.add(("faint", f"... {hidden:,} more lines (--verbose shows them)"), indent=indent)

    def _cause(self, change: StepChange) -> Piece:
        """Said of a field only where its step mixes both."""
        return ("faint", f" ({change.cause})" if self.is_mixed else "")


def _is_named(value: Json, name: str) -> bool:
    """True where an element of a set is its own name (aivp_contract.diff names them so)."""
    if type(value) is str:
        return bool(value == name)
    if type(value) in (dict, list):
        return False
    try:
        return canonical.encode(value).decode() == name
    except canonical.NotCanonical:
        return False


def _text(value: Json) -> str:
    """A side of a text diff: what is not known here has no lines."""
    if type(value) is str:
        return value
    return "" if value is None or isinstance(value, Tagged) else value_text(value)


def _lines(value: Json, most: int) -> list[str]:
    return [] if value is None or isinstance(value, Tagged) else [f"{text}\n" for text in value_lines(value, most)]


def _sum(change: StepChange, diff: TextDiff, nouns: tuple[str, str]) -> str:
    """`(2 lines added, 1 removed)`; a side that is known by name only stands in for its lines."""
    counts = [(number, word) for number, word in ((diff.added, "added"), (diff.removed, "removed")) if number]
    noun = nouns[0] if counts and counts[0][0] == 1 else nouns[1]
    words = [f"{number:,} {'' if place else noun + ' '}{word}" for place, (number, word) in enumerate(counts)]
    counted = f"({', '.join(words)})" if words else ""
    before, after = (value_text(v) if isinstance(v, Tagged) else "" for v in (change.before, change.after))
    if change.op == "replace" and (before or after):
        return f"{before or counted} -> {after or counted}"
    return counted or f"(no {nouns[0]} differs)"
