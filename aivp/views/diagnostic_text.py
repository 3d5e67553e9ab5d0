"""Diagnostics → text: code and summary, why, how to mend, and the source line with a caret."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from aivp.diagnostics import Diagnostic, Span
from aivp.diagnostics.catalogue import SUMMARIES
from aivp.views import escape
from aivp.views.style import Style

Source = Callable[[str], str | None]
"""A file of the project → its text, None where it cannot be read."""

MOST = 50
"""Diagnostics shown; a broken include can bring thousands."""


def render_diagnostics(diagnostics: Sequence[Diagnostic], source: Source, *, color: bool) -> str:
    """All of them, and a count where there are several."""
    style = Style(color)
    lines = [line for item in diagnostics[:MOST] for line in (*_lines(item, source, style), "")]
    if len(diagnostics) > 1:
        hidden = len(diagnostics) - MOST
        more = f", {hidden} of them not shown" if hidden > 0 else ""
        lines.append(style("strong", f"{len(diagnostics)} errors{more}."))
    return "\n".join(line.rstrip() for line in lines).rstrip("\n")


def _lines(item: Diagnostic, source: Source, style: Style) -> Iterator[str]:
    meaning = "loud" if item.severity == "error" else "change"
    yield style(meaning, f"{item.severity}[{item.code}]: {SUMMARIES.get(item.code, 'Error')}")
    for text in (item.why, item.mend):
        for line in escape.block(text).splitlines():
            yield f"  {line}"
    if item.span is not None:
        yield f"    {style('accent', escape.line(str(item.span)))}"
        yield from _excerpt(item.span, source, style)
    for related in item.related:
        yield f"    {escape.line(related.message)} at {style('accent', escape.line(str(related.span)))}"


def _excerpt(span: Span, source: Source, style: Style) -> Iterator[str]:
    text = source(span.file)
    lines = [] if text is None else text.split("\n")
    if not 0 < span.line <= len(lines):
        return
    number = str(span.line)
    window = max(span.column - 60, 0)
    shown = escape.line(lines[span.line - 1][window : window + 100])
    lead = escape.line(lines[span.line - 1][window : max(span.column - 1, 0)])
    yield f"    {style('faint', number + ' |')} {shown}"
    yield f"    {' ' * (len(number) + 3)}{' ' * len(lead)}{style('loud', '^')}"
