"""A few lines at the bottom of a terminal that are drawn anew, and the finished ones that scroll up above them.

Makes the text to write; who writes it, and when, is not known here. No mode of the terminal is changed, so whoever is
killed leaves it as it was: the cursor is moved up, and what is below it wiped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from aivp.views.page import cells

_COLOR = re.compile(r"\x1b\[[0-9;]*m")


class Region:
    """What is drawn now. The cursor always stands at the begin of the line below it."""

    def __init__(self) -> None:
        self.drawn: Sequence[str] = ()

    def frame(self, finished: Sequence[str], lines: Sequence[str], columns: int) -> str:
        """The text that lets `finished` scroll up and shows `lines`; empty where nothing changes.

        columns: of the terminal as it is now. Where it became narrower, it has wrapped what was drawn.
        """
        if not finished and list(lines) == list(self.drawn):
            return ""
        rows = sum(max(-(-width(line) // max(columns, 1)), 1) for line in self.drawn)
        up = f"\r\x1b[{rows}A\x1b[J" if rows else "\r\x1b[J" if lines or self.drawn else ""
        self.drawn = list(lines)
        return up + "".join(f"{line}\n" for line in (*finished, *lines))

    def forget(self) -> None:
        """What is drawn is left where it is: somebody else wrote behind it."""
        self.drawn = ()


def width(line: str) -> int:
    """Columns of a line that may be coloured."""
    return cells(_COLOR.sub("", line))
