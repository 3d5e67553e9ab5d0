"""The field changes of one step → lines: `~ mode: 0644 -> 0600`, diffs of longer texts and lists, elements of sets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from aivp_contract import canonical
from aivp_contract.pointer import parts
from aivp_contract.values import Json, Tagged

from aivp.model.address import parse_address
from aivp.plan.steps import Step, StepChange
from aivp.views import escape
from aivp.views.page import Page, Piece
from aivp.views.text_diff import TextDiff, diff_lines, diff_texts
from aivp.views.value_text import leaf_lines, pair_text, value_text

FOLD = 40
"""Lines of one text or list that are shown unless verbose."""

LONGEST = {False: 400, True: 20_000}
"""Characters of one line of a file, by verbosity; of a value, half of it."""

COLUMN = 20
"""Characters of a name that others are aligned with."""

ENTRY = ("entry", "entries")
_OPS = {"add": ("+ ", "good"), "remove": ("- ", "bad"), "replace": ("~ ", "change")}
_SIGNS = {"+": ("+ ", "good"), "-": ("- ", "bad"), " ": ("  ", ""), "@": ("", "accent"), "\\": ("\\ ", "faint")}


def write_changes(page: Page, step: Step, indent: int, *, is_verbose: bool) -> None:
    """Every change of `step`, one field after the other, the values of short names in one column."""
    fields = [
        (name, list(group))
        for name, group in groupby(
            (change for change in step.changes if not _is_said(change, step)),
            key=lambda change: parts(change.path)[:1],
        )
    ]
    lengths = [len(name[0]) for name, changes in fields if name and _is_whole(changes)]
    writer = _Writer(page, step, is_verbose, max((length for length in lengths if length <= COLUMN), default=0))
    for name, changes in fields:
        if _is_whole(changes):
            writer.change(".".join(name) or "(everything)", changes[0], indent, is_field=True)
            continue
        page.add(("change", "~ "), ("", f"{''.join(name)}:"), indent=indent)
        for change in changes:
            writer.member(parts(change.path)[1:], change, indent + 2)


def _is_whole(changes: Sequence[StepChange]) -> bool:
    """True for a change of a whole field, not of some of its members."""
    return len(changes) == 1 and len(parts(changes[0].path)) <= 1


def _is_said(change: StepChange, step: Step) -> bool:
    """True where a new thing's address has said it: `package.nginx@web` has the name nginx."""
    name = change.path[1:]
    parsed = parse_address(step.address) if change.op == "add" and step.identity.get(name) == change.after else None
    return parsed is not None and parsed.key is None and parsed.name == change.after


class _Writer:
    def __init__(self, page: Page, step: Step, is_verbose: bool, column: int) -> None:
        self.page = page
        self.is_new = step.action == "create"
        self.is_mixed = len({change.cause for change in step.changes}) > 1
        self.is_verbose = is_verbose
        self.column = column

    def member(self, path: Sequence[str], change: StepChange, indent: int) -> None:
        """An element of a set by itself; a member of a mapping or keyed list by its name."""
        value = change.before if change.op == "remove" else change.after
        name = ".".join(path)
        if change.op != "replace" and len(path) == 1 and _is_named(value, name):
            sign, meaning = _OPS[change.op]
            pieces = ((meaning, f"{sign}{value_text(value)}"), self._note(change))
            self.page.add(*pieces, indent=indent)
        else:
            self.change(name, change, indent)

    def change(self, name: str, change: StepChange, indent: int, *, is_field: bool = False) -> None:
        """One field, or one member of it; of a mapping that is another now, the members that differ."""
        members = _members(change)
        if members:
            self.page.add(("change", "~ "), ("", f"{escape.line(name, 400)}:"), self._note(change), indent=indent)
            for key, member in members[: None if self.is_verbose else FOLD]:
                self.change(key, member, indent + 2)
            self._hidden(len(members) - FOLD, ENTRY, indent + 2)
            return
        is_plain = self.is_new and change.op == "add"
        sign, meaning = ("", "good") if is_plain else _OPS.get(change.op, ("~ ", "change"))
        label = f"{escape.line(name, 400)}: "
        if is_field:
            label = label.ljust(self.column + 2)
        diff = self._diff(change, indent + len(sign) + len(label))
        head: tuple[Piece, ...] = ((meaning, sign), ("", label))
        if diff is None:
            self.page.add(*head, *self._values(change), self._note(change), indent=indent, hang=4)
        else:
            noun = ("line", "lines") if any(type(value) is str for value in (change.before, change.after)) else ENTRY
            text = _sum(change, diff, noun, is_new=is_plain)
            self.page.add(*head, ("", text), self._note(change), indent=indent, hang=4)
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
        has_lines = any(type(value) is str and "\n" in value for value in sides)
        if not has_lines and not any(type(value) in (list, dict) for value in sides):
            return None
        room = max(self.page.width - used, 0)
        is_short = not any(_is_long(value, room) for value in sides)
        if is_short and sum(len(text) for _, text in self._values(change)) <= room:
            return None
        if has_lines:
            return diff_texts(*(_text(value) for value in (change.before, change.after)))
        return diff_lines(*(_lines(value) for value in (change.before, change.after)))

    def _write(self, diff: TextDiff, indent: int) -> None:
        shown = diff.lines if self.is_verbose else diff.lines[:FOLD]
        for kind, text in shown:
            sign, meaning = _SIGNS[kind]
            self.page.add_verbatim(meaning, sign, escape.line(text, LONGEST[self.is_verbose]), indent)
        self._hidden(len(diff.lines) - FOLD, ("line", "lines"), indent)

    def _hidden(self, number: int, nouns: tuple[str, str], indent: int) -> None:
        if number > 0 and not self.is_verbose:
            noun = nouns[0] if number == 1 else nouns[1]
            self.page.add(("faint", f"... {number:,} more {noun} (--verbose shows them)"), indent=indent)

    def _note(self, change: StepChange) -> Piece:
        """What is there instead of what was needs a word; the cause, only where a step mixes both."""
        if self.is_new and change.op == "replace":
            return ("bad", " (forces the replacement)")
        return ("faint", f" ({change.cause})" if self.is_mixed else "")


def _members(change: StepChange) -> Sequence[tuple[str, StepChange]]:
    """The differences between two mappings by name, none where it is not about two of them."""
    before, after = change.before, change.after
    if change.op != "replace" or type(before) is not dict or type(after) is not dict or not (before and after):
        return ()
    found: list[tuple[str, StepChange]] = []
    for name in sorted({*before, *after}):
        if name in before and name in after and before[name] == after[name]:
            continue
        op = "replace" if name in before and name in after else "add" if name in after else "remove"
        member = StepChange(op, f"{change.path}/{name}", before.get(name), after.get(name), change.cause)
        found.append((name, member))
    return found


def _is_long(value: Json, room: int) -> bool:
    """True for a text of several lines, and for a list or mapping that is cut when it is written in one."""
    if type(value) is str:
        return "\n" in value.removesuffix("\n")
    return type(value) in (list, dict) and len(value_text(value, room)) > room


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


def _lines(value: Json) -> list[str]:
    return [] if value is None or isinstance(value, Tagged) else [f"{text}\n" for text in leaf_lines(value)]


def _sum(change: StepChange, diff: TextDiff, nouns: tuple[str, str], *, is_new: bool) -> str:
    """`(2 lines added, 1 removed)`; a side that is known by name only stands in for its lines."""
    if is_new:
        return f"({diff.added:,} {nouns[0] if diff.added == 1 else nouns[1]})"
    counts = [(number, word) for number, word in ((diff.added, "added"), (diff.removed, "removed")) if number]
    noun = nouns[0] if counts and counts[0][0] == 1 else nouns[1]
    words = [f"{number:,} {'' if place else noun + ' '}{word}" for place, (number, word) in enumerate(counts)]
    counted = f"({', '.join(words)})" if words else ""
    before, after = (value_text(v) if isinstance(v, Tagged) else "" for v in (change.before, change.after))
    if change.op == "replace" and (before or after):
        return f"{before or counted} -> {after or counted}"
    return counted or f"(no {nouns[0]} differs)"
