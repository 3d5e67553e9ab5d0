"""Lines as they are written one token after the other → text. Comments of neighbouring lines stay below each other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class _Row:
    """`column`: where its comment stood in the source. is_raw: part of a text; never trimmed, never dropped."""

    text: str
    comment: str = ""
    column: int = -1
    is_raw: bool = False


class Rows:
    """The lines so far; tokens go to the last one."""

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._is_alone = False

    @property
    def width(self) -> int:
        """Characters of the line that is being written."""
        return len(self._rows[-1].text)

    @property
    def is_alone(self) -> bool:
        """True where one token only stands on the line."""
        return self._is_alone

    def begin(self, indent: int) -> None:
        """A new line."""
        self._rows.append(_Row(" " * indent))
        self._is_alone = False

    def write(self, text: str) -> None:
        """Go on with the line."""
        row = self._rows[-1]
        self._is_alone = not row.text.strip()
        row.text += text

    def comment(self, text: str, column: int) -> None:
        """A comment behind the line's tokens, which stood at `column`."""
        self._rows[-1].comment, self._rows[-1].column = text, column

    def raw(self, lines: list[str]) -> None:
        """Further lines of a text; the last one may go on."""
        self._rows += [_Row(line, is_raw=True) for line in lines]
        self._is_alone = False

    def blank(self) -> None:
        """An empty line, unless there is one already or nothing stands above."""
        if self._rows and (self._rows[-1].text or self._rows[-1].is_raw):
            self._rows.append(_Row(""))

    def text(self, end: str) -> str:
        """All of it; `end` closes the last line."""
        while self._rows and not self._rows[-1].text and not self._rows[-1].is_raw:
            self._rows.pop()
        self._align()
        return "\n".join(self._line(row) for row in self._rows) + end if self._rows else ""

    def _align(self) -> None:
        """Comments that stood below each other do so again, as far left as they can."""
        start = 0
        while start < len(self._rows):
            stop = start + 1
            row = self._rows[start]
            while row.comment and stop < len(self._rows) and self._rows[stop].column == row.column:
                stop += 1
            width = max(len(item.text) for item in self._rows[start:stop])
            for item in self._rows[start:stop]:
                item.column = width + 1
            start = stop

    @staticmethod
    def _line(row: _Row) -> str:
        return f"{row.text.ljust(row.column - 1)} {row.comment}" if row.comment else row.text
