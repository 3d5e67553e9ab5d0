"""The changes of one step, as its outline tells them → HTML lists: fields, members of fields, texts line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, assert_never

from aivp.views.markup import Attributes, Markup, join, raw, tag
from aivp.views.outline import (
    Change,
    DiffLine,
    ElementChange,
    MembersChange,
    Op,
    Segment,
    Segments,
    TextChange,
    ValueChange,
)

SHOWN = 30
"""Lines of a text that are shown at once; the rest is folded."""

_OPS: Final[Mapping[Op, tuple[str, str, str]]] = {
    "set": ("", "good", ""),
    "add": ("+", "good", "added"),
    "remove": ("-", "bad", "removed"),
    "replace": ("~", "change", "changed"),
}
_LINES: Final = {"+": "ins", "-": "del"}
_ARROW: Final = tag("span", {"class": "to", "role": "img", "aria-label": "becomes"}, "→")


def changes_html(changes: Sequence[Change]) -> Markup:
    """A list with an item for each change; empty for none."""
    if not changes:
        return raw("")
    return tag("ul", {"class": "changes"}, [tag("li", {}, *_change(change)) for change in changes])


def _change(change: Change) -> Iterator[Markup]:
    match change:
        case ValueChange():
            yield _op(change.op)
            yield tag("span", {"class": "name"}, f"{change.name}:")
            yield _sides(change)
        case TextChange():
            yield _op(change.op)
            yield tag("span", {"class": "name"}, f"{change.name}:")
            yield tag("span", {"class": "faint"}, f" {change.summary}")
            yield from _noted(change)
            yield from _text(change)
            return
        case ElementChange():
            yield _op(change.op)
            yield tag("del" if change.op == "remove" else "ins", {}, _segments(change.value))
        case MembersChange():
            yield _op("replace")
            yield tag("span", {"class": "name"}, f"{change.name}:")
            yield from _noted(change)
            yield changes_html(change.members)
            yield from _hidden(change.hidden, "entries")
            return
        case _:
            assert_never(change)
    yield from _noted(change)


def _sides(change: ValueChange) -> Markup:
    before, after = tag("del", {}, _segments(change.before)), tag("ins", {}, _segments(change.after))
    match change.op:
        case "set" | "add":
            return after
        case "remove":
            return before
        case "replace":
            return join((before, _ARROW, after))
        case _:
            assert_never(change.op)


def _op(op: Op) -> Markup:
    sign, meaning, spoken = _OPS[op]
    if not sign:
        return raw("")
    return tag("span", {"class": f"op {meaning}", "role": "img", "aria-label": spoken}, sign)


def _noted(change: Change) -> Iterator[Markup]:
    """Why this one is there, where that is not the same for all; and whether it costs the whole thing."""
    if not isinstance(change, ElementChange) and change.is_forcing:
        yield tag("span", {"class": "tag bad"}, "forces the replacement")
    if change.cause is not None:
        yield tag("span", {"class": "tag"}, change.cause)


def _text(change: TextChange) -> Iterator[Markup]:
    """The first lines, then the rest folded; two more are not worth a fold."""
    cut = SHOWN if len(change.lines) > SHOWN + 2 else len(change.lines)
    if change.lines:
        yield _lines(change.lines[:cut])
    if rest := change.lines[cut:]:
        nouns = {"line": "lines", "entry": "entries"}
        said = tag("summary", {}, f"{len(rest):,} more {nouns[change.noun]}")
        yield tag("details", {"class": "rest"}, said, _lines(rest))
    yield from _hidden(change.hidden, {"line": "lines", "entry": "entries"}[change.noun])


def _lines(lines: Sequence[DiffLine]) -> Markup:
    return tag("pre", {"class": "diff"}, [_line(line) for line in lines])


def _line(line: DiffLine) -> Markup:
    name = _LINES.get(line.sign, "span")
    attributes: Attributes = {"class": "at"} if line.sign in "@\\" else {}
    sign = "" if line.sign == "@" else f"{line.sign} "
    return tag(name, attributes, sign, _segments(_without_end(line.segments)), raw("\n"))


def _without_end(segments: Segments) -> Segments:
    """The last blank of a line is made visible: nobody sees it come or go."""
    if not segments or not segments[-1].text.endswith(" "):
        return segments
    *rest, last = segments
    return (*rest, Segment(last.text[:-1] + "\\x20", last.stress))


def _segments(segments: Segments) -> list[str]:
    found: list[str] = []
    for segment in segments:
        match segment.stress:
            case "":
                found.append(segment.text)
            case "changed":
                found.append(tag("mark", {}, segment.text))
            case "left out":
                found.append(tag("em", {"class": "faint"}, segment.text))
            case _:
                assert_never(segment.stress)
    return found


def _hidden(number: int, noun: str) -> Iterator[Markup]:
    if number:
        yield tag("p", {"class": "faint"}, f"{number:,} more {noun} are not in this page: aivp show --verbose.")
