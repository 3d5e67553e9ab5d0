"""Diagnostics → text: code and summary, why, how to mend, the place with its source line and a caret."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from aivp.diagnostics import Diagnostic, Span
from aivp.diagnostics.catalogue import SUMMARIES
from aivp.views import escape
from aivp.views.page import Page, cells

Source = Callable[[str], str | None]
"""A file of the project → its text, None where it cannot be read."""

MOST = 50
"""Diagnostics shown; a broken include can bring thousands."""

INDENT = 4


def render_diagnostics(
    diagnostics: Sequence[Diagnostic], source: Source, *, color: bool, width: int = 100, verbose: bool = False
) -> str:
    """The first of them in their order, and a count where there are several. No newline at the end."""
    page = Page(width, color=color)
    lines = cache(lambda file: (source(file) or "").split("\n"))
    for item in diagnostics if verbose else diagnostics[:MOST]:
        _write(page, item, lines)
        page.blank()
    if len(diagnostics) > 1:
        counts = Counter(item.severity for item in diagnostics)
        words = [f"{number:,} {name}{'' if number == 1 else 's'}" for name, number in sorted(counts.items())]
        hidden = 0 if verbose else len(diagnostics) - MOST
        page.add(("strong", ", ".join(words) + (f"; {hidden:,} of them not shown" if hidden > 0 else "") + "."))
    return page.text()


def _write(page: Page, item: Diagnostic, lines: Callable[[str], Sequence[str]]) -> None:
    meaning = "loud" if item.severity == "error" else "change"
    page.add((meaning, f"{item.severity}[{item.code}]"), ("strong", f": {SUMMARIES.get(item.code, 'Error')}"))
    page.paragraph(escape.block(item.why), indent=2)
    page.paragraph(escape.block(item.mend), indent=2)
    if item.span is not None:
        page.add(("accent", _place(item.span)), indent=INDENT)
        _write_excerpt(page, item.span, lines(item.span.file))
    elif item.address is not None and item.address not in item.why:
        page.add(("accent", escape.line(item.address, 1000)), indent=INDENT)
    for related in item.related:
        page.add(("accent", _place(related.span)), ("", f": {escape.line(related.message)}"), indent=INDENT)


def _write_excerpt(page: Page, span: Span, lines: Sequence[str]) -> None:
    """The source line, of a long one the part around the column, with a caret below."""
    text = lines[span.line - 1].rstrip("\r \t") if 0 < span.line <= len(lines) else ""
    column = span.column - 1
    if not text or not 0 <= column <= len(text):
        return
    number = f"{span.line} | "
    room = page.width - INDENT - len(number)
    is_whole = len(text) <= room and cells(escape.line(text)) <= room
    before = _fitting(reversed(text[max(column - room, 0) : column]), room if is_whole else room * 2 // 3)[::-1]
    after = _fitting(text[column : column + room], room - cells("".join(before)))
    page.add(("faint", number), ("", "".join(before + after).rstrip(" ")), indent=INDENT)
    gutter = f"{'|':>{len(number) - 1}} "
    page.add(("faint", gutter), ("loud", " " * cells("".join(before)) + "^"), indent=INDENT)


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


def _place(span: Span) -> str:
    return escape.line(str(span), 1000)
