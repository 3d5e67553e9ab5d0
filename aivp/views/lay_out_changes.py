"""The field changes of one step → what a reader sees of each: values on one line, diffs of texts and lists, members.

Knows no sink. Values come as `value_text` says them, so no secret passes, and nothing is longer than its reader asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

from aivp_contract import canonical
from aivp_contract.pointer import parts
from aivp_contract.values import Json, Tagged

from aivp.model.address import parse_address
from aivp.plan.steps import Cause, Step, StepChange
from aivp.views.outline import (
    Change,
    DiffLine,
    ElementChange,
    MembersChange,
    Op,
    Reading,
    Segment,
    Segments,
    TextChange,
    ValueChange,
)
from aivp.views.text_diff import TextDiff, diff_lines, diff_texts
from aivp.views.value_text import WHOLE, leaf_lines, pair_text, value_text
from aivp.views.word_diff import pairs, split_pair, whole

COLUMN = 20
"""Characters of a field's name that values are aligned behind, where a sink aligns them."""

_PHRASE = 12
"""Characters that two texts on one line need before marking their words says more than the texts themselves."""


def lay_out_changes(step: Step, reading: Reading) -> list[Change]:
    """Every change of `step`, a field after the other, but for what its address says already."""
    fields = [
        (name, list(group))
        for name, group in groupby(
            (change for change in step.changes if not _is_said(change, step)),
            key=lambda change: parts(change.path)[:1],
        )
    ]
    lengths = [len(name[0]) for name, changes in fields if name and _is_whole(changes)]
    column = max((length for length in lengths if length <= COLUMN), default=0)
    is_mixed = len({change.cause for change in step.changes}) > 1
    layer = _Layer(reading, column, is_new=step.action == "create", is_mixed=is_mixed)
    return [layer.field("".join(name) or "(everything)", changes) for name, changes in fields]


def lay_out_difference(name: str, change: StepChange, reading: Reading) -> Change:
    """One difference by itself, whatever it is of."""
    return _Layer(reading, 0, is_new=False, is_mixed=False).change(name, change, len(name))


def _is_whole(changes: Sequence[StepChange]) -> bool:
    """True for a change of a whole field, not of some of its members."""
    return len(changes) == 1 and len(parts(changes[0].path)) <= 1


def _is_said(change: StepChange, step: Step) -> bool:
    """True where a new thing's address has said it: `package.nginx@web` has the name nginx."""
    name = change.path[1:]
    parsed = parse_address(step.address) if change.op == "add" and step.identity.get(name) == change.after else None
    return parsed is not None and parsed.key is None and parsed.name == change.after


class _Layer:
    """The changes of one step, or one difference of whatever kind."""

    def __init__(self, reading: Reading, column: int, *, is_new: bool, is_mixed: bool) -> None:
        self.is_new = is_new
        self.is_mixed = is_mixed
        self.reading = reading
        self.column = column

    def field(self, name: str, changes: Sequence[StepChange]) -> Change:
        """One field: changed as a whole, or in some of its members."""
        if _is_whole(changes):
            return self.change(name, changes[0], max(self.column, len(name)))
        most = self.reading.lines
        shown = [self.member(parts(change.path)[1:], change) for change in changes[:most]]
        return MembersChange(name, shown, len(changes) - len(shown))

    def member(self, path: Sequence[str], change: StepChange) -> Change:
        """An element of a set by itself; a member of a mapping or keyed list by its name."""
        value = change.before if change.op == "remove" else change.after
        name = ".".join(path)
        if change.op != "replace" and len(path) == 1 and _is_named(value, name):
            return ElementChange(_op(change.op), (Segment(value_text(value)),), self._cause(change))
        return self.change(name, change, 2 + len(name))

    def change(self, name: str, change: StepChange, used: int) -> Change:
        """One field, or one member of it; of a mapping that is another now, the members that differ.

        used: characters that its line has lost before the value begins.
        """
        cause, is_forcing = self._cause(change), self.is_new and change.op == "replace"
        members = _members(change)
        if members:
            shown = [self.change(key, member, used + 2) for key, member in members[: self.reading.lines]]
            return MembersChange(name, shown, len(members) - len(shown), cause, is_forcing)
        op: Op = "set" if self.is_new and change.op == "add" else _op(change.op)
        used += 2 if op == "set" else 4
        diff = self._diff(change, used)
        if diff is None:
            before, after = self._values(change)
            return ValueChange(op, name, before, after, cause, is_forcing)
        is_text = any(type(value) is str for value in (change.before, change.after))
        noun: Literal["line", "entry"] = "line" if is_text else "entry"
        lines = list(_diff_lines(diff, self.reading))
        hidden = len(diff.lines) - len(lines)
        summary = _summary(change, diff, noun, is_new=op == "set")
        return TextChange(op, name, summary, lines, hidden, noun, cause, is_forcing)

    def _values(self, change: StepChange) -> tuple[Segments, Segments]:
        most = self.reading.characters // 2
        if change.op == "add":
            return (), (Segment(value_text(change.after, most)),)
        if change.op == "remove":
            return (Segment(value_text(change.before, most)),), ()
        if type(change.before) is str and type(change.after) is str:
            whole_texts = (value_text(change.before, WHOLE), value_text(change.after, WHOLE))
            if min(map(len, whole_texts)) >= _PHRASE and (found := split_pair(*whole_texts, most)):
                return found
        before, after = pair_text(change.before, change.after, most)
        return (Segment(before),), (Segment(after),)

    def _diff(self, change: StepChange, used: int) -> TextDiff | None:
        """The difference line by line, where there are lines: in texts, and in lists and mappings that are too wide."""
        sides = [value for op, value in (("add", change.before), ("remove", change.after)) if op != change.op]
        has_lines = any(type(value) is str and "\n" in value for value in sides)
        if not has_lines and not any(type(value) in (list, dict) for value in sides):
            return None
        room = max(self.reading.room - used, 0)
        if not any(_is_long(value, room) for value in sides):
            arrow = 4 if change.op == "replace" else 0
            if arrow + sum(len(item.text) for side in self._values(change) for item in side) <= room:
                return None
        if has_lines:
            return diff_texts(_text(change.before), _text(change.after))
        return diff_lines(_lines(change.before), _lines(change.after))

    def _cause(self, change: StepChange) -> Cause | None:
        return change.cause if self.is_mixed else None


def _op(op: str) -> Op:
    return "add" if op == "add" else "remove" if op == "remove" else "replace"


def _diff_lines(diff: TextDiff, reading: Reading) -> Iterator[DiffLine]:
    """The lines that are shown; where a line stands for another, the words that differ are marked."""
    shown = list(diff.lines[: reading.lines])
    number = 0
    while number < len(shown):
        sign, text = shown[number]
        if sign != "-":
            yield DiffLine(sign, whole(text, reading.characters))
            number += 1
            continue
        end = number
        while end < len(shown) and shown[end][0] in "-+\\":
            end += 1
        yield from _block(shown[number:end], reading.characters)
        number = end


def _block(lines: Sequence[tuple[str, str]], most: int) -> Iterator[DiffLine]:
    """Lines that go, with those that come in their place."""
    old = [number for number, (sign, _) in enumerate(lines) if sign == "-"]
    new = [number for number, (sign, _) in enumerate(lines) if sign == "+"]
    marked: dict[int, Segments] = {}
    for one, other in pairs([lines[n][1] for n in old], [lines[n][1] for n in new]):
        found = split_pair(lines[old[one]][1], lines[new[other]][1], most)
        if found is not None:
            marked[old[one]], marked[new[other]] = found
    for number, (sign, text) in enumerate(lines):
        yield DiffLine(sign, marked.get(number) or whole(text, most))


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


def _summary(change: StepChange, diff: TextDiff, noun: Literal["line", "entry"], *, is_new: bool) -> str:
    """`(2 lines added, 1 removed)`; a side that is known by name only stands in for its lines."""
    if is_new:
        return f"({count(diff.added, noun)})"
    counts = [(number, word) for number, word in ((diff.added, "added"), (diff.removed, "removed")) if number]
    words = [
        f"{number:,} {word}" if place else f"{count(number, noun)} {word}"
        for place, (number, word) in enumerate(counts)
    ]
    counted = f"({', '.join(words)})" if words else ""
    before, after = (value_text(v) if isinstance(v, Tagged) else "" for v in (change.before, change.after))
    if change.op == "replace" and (before or after):
        return f"{before or counted} -> {after or counted}"
    return counted or f"(no {noun} differs)"


def count(number: int, noun: str) -> str:
    """`1 line`, `2 lines`, `3 entries`."""
    plural = f"{noun[:-1]}ies" if noun == "entry" else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
