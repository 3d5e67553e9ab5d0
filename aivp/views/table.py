"""Rows → aligned columns. Where a terminal is too narrow, a row wraps below itself; its first word stays in front."""

from __future__ import annotations

from collections.abc import Sequence

from aivp.views import escape
from aivp.views.page import Page, Piece, cells

GAP = "  "
LEAST = 12
"""Columns that must be left for the last column, else nothing is aligned."""


def write_table(page: Page, rows: Sequence[Sequence[Piece]], indent: int = 0) -> None:
    """All rows have the same number of cells; the last column is not padded."""
    safe = [[(meaning, escape.line(text)) for meaning, text in row] for row in rows]
    widths = [max(cells(text) for _, text in column) for column in zip(*safe, strict=True)][:-1]
    is_aligned = indent + sum(widths) + len(GAP) * len(widths) + LEAST <= page.width
    for row in safe:
        pieces: list[Piece] = []
        for number, (meaning, text) in enumerate(row):
            is_padded = is_aligned and number < len(widths)
            padding = " " * (widths[number] - cells(text)) if is_padded else ""
            pieces += [(meaning, text), ("", padding + GAP if number < len(widths) else "")]
        page.add(*pieces, indent=indent, hang=4)
