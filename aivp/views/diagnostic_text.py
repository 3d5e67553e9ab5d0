"""Diagnostics → text: code and summary, why, how to mend, then each place with its source line and what is meant in it.

Of a long list the first ones stand in full and the others as counts by file. It ends with where there is more to read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from aivp.diagnostics import Diagnostic, Span
from aivp.diagnostics.catalogue import SUMMARIES
from aivp.views import escape
from aivp.views.mark import marked
from aivp.views.page import Page, cells

Source = Callable[[str], str | None]
"""A file of the project → its text, None where it cannot be read."""

MOST = 20
"""Diagnostics in full unless verbose; a broken include can bring thousands."""

FILES = 20
"""Files that are counted by name."""

CODES = 5
"""Codes that the last line names."""

INDENT = 4
CUT = "..."


def render_diagnostics(
    diagnostics: Sequence[Diagnostic], source: Source, *, color: bool, width: int = 100, verbose: bool = False
) -> str:
    """In their order, but errors first where not all are shown. No newline at the end."""
    page = Page(width, color=color)
    lines = cache(lambda file: (source(file) or "").split("\n"))
    shown, rest = diagnostics, list[Diagnostic]()
    if len(diagnostics) > MOST and not verbose:
        ranked = sorted(diagnostics, key=lambda item: item.severity != "error")
        shown, rest = ranked[:MOST], ranked[MOST:]
    for item in shown:
        _write(page, item, lines)
        page.blank()
    _write_rest(page, rest)
    if len(diagnostics) > 1:
        page.add(("strong", f"{_counted(diagnostics)}."))
    _write_more(page, shown)
    return page.text()


def _write(page: Page, item: Diagnostic, lines: Callable[[str], Sequence[str]]) -> None:
    meaning = "loud" if item.severity == "error" else "change"
    page.add((meaning, f"{item.severity}[{item.code}]"), ("strong", f": {SUMMARIES.get(item.code, 'Error')}"))
    page.paragraph(escape.block(item.why), indent=2)
    page.paragraph(escape.block(item.mend), indent=2)
    if item.span is not None:
        page.add(("accent", _place(item.span)), indent=INDENT)
        _write_excerpt(page, item.span, lines(item.span.file), meaning)
    elif item.address is not None and item.address not in item.why:
        page.add(("accent", escape.line(item.address, 1000)), indent=INDENT)
    for related in item.related:
        page.add(("accent", _place(related.span)), ("", f": {escape.line(related.message)}"), indent=INDENT)
        _write_excerpt(page, related.span, lines(related.span.file), "accent")


def _write_rest(page: Page, rest: Sequence[Diagnostic]) -> None:
    """Of what is not shown, how much there is in each file."""
    if not rest:
        return
    by_file: dict[str, list[Diagnostic]] = {}
    for item in rest:
        by_file.setdefault(item.span.file if item.span else "", []).append(item)
    page.add(("strong", f"{len(rest):,} more"), ("", ", which --verbose shows:"))
    for file, items in list(by_file.items())[:FILES]:
        where = ("accent", escape.line(file, 1000)) if file else ("", "without a place")
        page.add(where, ("", f": {_counted(items)}"), indent=2)
    if len(by_file) > FILES:
        others = [item for items in list(by_file.values())[FILES:] for item in items]
        page.add(("", f"{len(by_file) - FILES:,} other files: {_counted(others)}"), indent=2)
    page.blank()


def _write_more(page: Page, shown: Sequence[Diagnostic]) -> None:
    """Where a person finds more than fits here; a warning alone is no reason to go and read."""
    codes = list(dict.fromkeys(item.code for item in shown if item.severity == "error" and item.code in SUMMARIES))
    if not codes:
        return
    others = f" (also: {', '.join(codes[1:CODES])}{', ...' if len(codes) > CODES else ''})" if len(codes) > 1 else ""
    page.add(("faint", f"More about it: aivp explain {codes[0]}{others}"))


def _write_excerpt(page: Page, span: Span, lines: Sequence[str], meaning: str) -> None:
    """The source line, of a long one the part around the column, and below what is meant in it."""
    text = lines[span.line - 1].rstrip("\r \t") if 0 < span.line <= len(lines) else ""
    column = span.column - 1
    if not text or not 0 <= column <= len(text):
        return
    number = f"{span.line} | "
    room = page.width - INDENT - len(number)
    before, inside, after = _window(text, column, marked(text, column), room)
    page.add(("faint", number), ("", (before + inside + after).rstrip(" ")), indent=INDENT)
    gutter = f"{'|':>{len(number) - 1}} "
    sign = "^" if meaning != "accent" else "-"
    marks = " " * cells(before), sign * max(cells(inside), 1)
    page.add(("faint", gutter), ("", marks[0]), (meaning, marks[1]), indent=INDENT)


def _window(text: str, start: int, length: int, room: int) -> tuple[str, str, str]:
    """What stands before, in and behind the mark, escaped, in `room` columns; what is cut off is shown as such."""
    if len(text) <= room and cells(escape.line(text)) <= room:
        parts = text[:start], text[start : start + length], text[start + length :]
        return escape.line(parts[0]), escape.line(parts[1]), escape.line(parts[2])
    ahead = _fitting(reversed(text[max(start - room, 0) : start]), (room - 2 * len(CUT)) // 2)[::-1]
    before = (CUT if len(ahead) < start else "") + "".join(ahead)
    left = room - cells(before) - len(CUT)
    inside = _fitting(text[start : start + min(length, room)], left)
    if len(inside) < length:
        return before, "".join(inside), CUT
    rest = text[start + length :]
    after = _fitting(rest[:room], left - cells("".join(inside)))
    return before, "".join(inside), "".join(after) + (CUT if len(after) < len(rest) else "")


def _fitting(chars: Iterable[str], room: int) -> list[str]:
    """Escaped characters, as many as fit."""
    found: list[str] = []
    for char in chars:
        shown = escape.line(char)
        room -= cells(shown)
        if room < 0:
            break
        found.append(shown)
    return found


def _counted(items: Iterable[Diagnostic]) -> str:
    counts = Counter(item.severity for item in items)
    return ", ".join(f"{number:,} {name}{'' if number == 1 else 's'}" for name, number in sorted(counts.items()))


def _place(span: Span) -> str:
    return escape.line(str(span), 1000)
