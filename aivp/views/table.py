"""Rows → aligned columns. Where a terminal is too narrow, a row goes on below itself; its first cell stays in front."""

from __future__ import annotations

from collections.abc import Sequence

from aivp.views import escape
from aivp.views.page import Page, Piece, cells

GAP = "  "
LEAST = 12
"""Columns that must be left for the last column, else nothing is aligned."""


def write_table(page: Page, rows: Sequence[Sequence[Piece]]) -> None:
    """All rows have the same number of cells; the last column is not padded."""
    safe = [[(meaning, escape.line(text)) for meaning, text in row] for row in rows]
    widths = [max(cells(text) for _, text in column) for column in zip(*safe, strict=True)][:-1]
    is_aligned = sum(widths) + len(GAP) * len(widths) + LEAST <= page.width
    for row in safe:
        if not is_aligned:
            page.add_parts(*row, hang=4)
            continue
        pieces: list[Piece] = []
        for number, (meaning, text) in enumerate(row):
            padding = " " * (widths[number] - cells(text)) + GAP if number < len(widths) else ""
            pieces += [(meaning, text), ("", padding)]
        page.add(*pieces, hang=4)
