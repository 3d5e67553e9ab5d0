"""One outlined step → the lines of a ```diff block: what comes begins with +, what goes with -, what changes with !.

The lines are not escaped yet: the block that they go into is made by `markdown_escape.fence`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import assert_never

from aivp.views import plan_words as words
from aivp.views.change_text import carets
from aivp.views.lay_out_changes import count
from aivp.views.outline import (
    Change,
    ElementChange,
    MembersChange,
    Role,
    Segments,
    StepOutline,
    TextChange,
    ValueChange,
)

NAMES = 40
"""Names, or spans of names, of folded steps that are told."""

_FIRST: Mapping[Role, str] = {"create": "+", "update": "!", "replace": "-", "delete": "-", "refresh": "!"}
"""The column that colours a line; `#` for what touches nothing."""

_OPS = {"set": "+", "add": "+", "remove": "-", "replace": "!"}


def step_lines(step: StepOutline, *, is_shared: bool) -> Iterator[str]:
    """Its title, with the action as a word, then its changes."""
    name = step.label if is_shared else step.address
    marked = "; ".join(filter(None, (words.marks(step), "looked at again" if _is_looked_at_again(step) else "")))
    reason = f": {_cut(step.reason, 1000)}" if step.reason else ""
    first = _FIRST.get(step.role, "#")
    yield f"{first} {step.role} {_cut(name, 400)}{reason}{f'  ({_cut(marked, 400)})' if marked else ''}"
    if step.previous is not None and step.previous not in step.reason:
        yield f"#     from {_cut(step.previous, 400)}"
    for change in step.changes:
        yield from change_lines(change, 4)
    if step.alike:
        head, rest = words.alike_text(step, NAMES, is_shared=is_shared)
        yield f"{first}     {head}{_cut(rest, 4000)}"


def _is_looked_at_again(step: StepOutline) -> bool:
    return step.is_conditional and not step.is_deferred and step.role != "check"


def change_lines(change: Change, indent: int) -> Iterator[str]:
    """One change, its members below it, `indent` columns behind the sign."""
    note = words.note(change)
    end = f" ({note})" if note else ""
    blanks = " " * indent
    match change:
        case ValueChange():
            sides = " -> ".join(_text(side) for side in (change.before, change.after) if side)
            yield f"{_OPS[change.op]} {blanks}{_cut(change.name, 400)}: {sides}{end}"
        case TextChange():
            yield f"{_OPS[change.op]} {blanks}{_cut(change.name, 400)}: {change.summary}{end}"
            for line in change.lines:
                text = _text(line.segments)
                yield text if line.sign == "@" else f"{line.sign} {blanks}  {_seen(text)}"
                if line.sign == "+" and (below := carets(line)):
                    yield f"  {blanks}  {below}"
            yield from _hidden(change.hidden, change.noun, blanks)
        case ElementChange():
            yield f"{_OPS[change.op]} {blanks}{_text(change.value)}{end}"
        case MembersChange():
            yield f"! {blanks}{_cut(change.name, 400)}:{end}"
            for member in change.members:
                yield from change_lines(member, indent + 2)
            yield from _hidden(change.hidden, "entry", blanks)
        case _:
            assert_never(change)


def _hidden(number: int, noun: str, blanks: str) -> Iterator[str]:
    if number:
        yield f"# {blanks}  ... {count(number, noun).replace(' ', ' more ')}"


def _text(segments: Segments) -> str:
    return "".join(item.text for item in segments)


def _seen(text: str) -> str:
    """With a blank at the end that can be seen."""
    return f"{text[:-1]}\\x20" if text.endswith(" ") else text


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}... ({len(text) - most:,} more characters)"
