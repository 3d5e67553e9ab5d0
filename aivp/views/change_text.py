"""The changes of an outlined step → lines: `~ mode: 0644 -> 0600`, diffs whose differing words stand out, elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from aivp.views import escape
from aivp.views import plan_words as words
from aivp.views.lay_out_changes import COLUMN, count
from aivp.views.outline import (
    Change,
    DiffLine,
    ElementChange,
    MembersChange,
    Segments,
    StepOutline,
    TextChange,
    ValueChange,
)
from aivp.views.page import Page, Piece, cells

_OPS = {"set": ("", "good"), "add": ("+ ", "good"), "remove": ("- ", "bad"), "replace": ("~ ", "change")}
_SIGNS = {"+": ("+ ", "good"), "-": ("- ", "bad"), " ": ("  ", ""), "@": ("", "accent"), "\\": ("\\ ", "faint")}

POINTED = 24
"""Characters that two lines must share before carets say, where there is no colour, what the eye would not find."""


def write_changes(page: Page, step: StepOutline, indent: int) -> None:
    """Every change of `step`, one field after the other, the values of short names in one column."""
    names = [len(item.name) for item in step.changes if isinstance(item, ValueChange | TextChange)]
    column = max((length for length in names if length <= COLUMN), default=0)
    for change in step.changes:
        write_change(page, change, indent, column)


def write_change(page: Page, change: Change, indent: int, column: int = 0) -> None:
    """One change, its members below it. column: characters that names are padded to."""
    match change:
        case ValueChange():
            page.add(*_head(change, column), *_values(change), *_notes(change), indent=indent, hang=4)
        case TextChange():
            page.add(*_head(change, column), ("", change.summary), *_notes(change), indent=indent, hang=4)
            _write_lines(page, change.lines, indent + 2)
            _write_hidden(page, change.hidden, change.noun, indent + 2)
        case ElementChange():
            sign, meaning = _OPS[change.op]
            page.add((meaning, sign), *_pieces(change.value, meaning), *_notes(change), indent=indent)
        case MembersChange():
            page.add(("change", "~ "), ("", f"{escape.line(change.name, 400)}:"), *_notes(change), indent=indent)
            for member in change.members:
                write_change(page, member, indent + 2)
            _write_hidden(page, change.hidden, "entry", indent + 2)
        case _:
            assert_never(change)


def _head(change: ValueChange | TextChange, column: int) -> tuple[Piece, ...]:
    sign, meaning = _OPS[change.op]
    label = f"{escape.line(change.name, 400)}: "
    return ((meaning, sign), ("", label.ljust(column + 2) if column else label))


def _values(change: ValueChange) -> Sequence[Piece]:
    before, after = _pieces(change.before, "bad"), _pieces(change.after, "good")
    return [*before, ("", " -> "), *after] if before and after else [*before, *after]


def _notes(change: Change) -> Sequence[Piece]:
    text = words.note(change)
    return [("bad" if text not in ("", change.cause) else "faint", f" ({text})")] if text else []


def _pieces(segments: Segments, meaning: str) -> list[Piece]:
    """Segments in the colour of their line; the words that differ stand out in it."""
    stressed = {"": meaning, "changed": f"{meaning} word", "left out": "faint"}
    return [(stressed[item.stress], item.text) for item in segments]


def _write_lines(page: Page, lines: Sequence[DiffLine], indent: int) -> None:
    for line in lines:
        sign, meaning = _SIGNS[line.sign]
        rows = page.add_marked(meaning, sign, _pieces(line.segments, meaning), indent)
        if rows == 1 and line.sign == "+" and not page.style.is_on and (below := carets(line)):
            page.add_marked("", "^ ", [("", below)], indent)


def carets(line: DiffLine) -> str:
    """A line of carets below the words that came; none where a glance finds them."""
    shared = sum(len(item.text) for item in line.segments if item.stress == "")
    if shared < POINTED or not any(item.stress == "changed" for item in line.segments):
        return ""
    marks = {"": " ", "changed": "^", "left out": " "}
    shown = (marks[item.stress] * cells(escape.line(item.text, len(item.text))) for item in line.segments)
    return "".join(shown).rstrip(" ")


def _write_hidden(page: Page, number: int, noun: str, indent: int) -> None:
    if number:
        more = count(number, noun).replace(" ", " more ")
        page.add(("faint", f"... {more} (--verbose shows them)"), indent=indent)
