"""Pieces of text with a meaning → lines of a terminal: escaped, wrapped to its width, coloured, no trailing spaces.

Whatever a view prints passes through here, so that no view can forget to escape.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from aivp.views import escape
from aivp.views.style import Style

Piece = tuple[str, str]
"""(meaning, text); the meaning is a name that Style knows, or empty."""

Word = list[Piece]
"""What stands together without a space."""

LEAST = 40
"""Columns: a narrower terminal has to wrap by itself."""


class Page:
    """Lines that grow downward."""

    def __init__(self, width: int, *, color: bool) -> None:
        self.width = max(width, LEAST)
        self.style = Style(color)
        self.lines: list[str] = []

    def add(self, *pieces: Piece, indent: int = 0, hang: int = 2) -> None:
        """One line; what does not fit goes on `hang` columns further in. Pieces follow each other without a space."""
        safe = [(meaning, escape.line(text, len(text))) for meaning, text in pieces]
        if indent + sum(cells(text) for _, text in safe) <= self.width:
            self._put(indent, safe)
            return
        self._wrap(_words(safe), indent, hang)

    def add_parts(self, *parts: Piece, hang: int = 2) -> None:
        """The same for parts with a space between them, none of which is broken if it can be helped."""
        self._wrap(([(meaning, escape.line(text, len(text)))] for meaning, text in parts), 0, hang)

    def add_verbatim(self, meaning: str, sign: str, text: str, indent: int) -> None:
        """One line of somebody's file: blanks are kept, the last one is made visible, wrapping cuts anywhere."""
        self.add_marked(meaning, sign, [(meaning, text)], indent)

    def add_marked(self, meaning: str, sign: str, pieces: Sequence[Piece], indent: int) -> int:
        """The same in pieces, some of which stand out. Gives the rows that it took."""
        room = self.width - indent - len(sign)
        whole = "".join([text for _, text in pieces])
        if len(whole) <= room and whole.isascii() and whole.isprintable() and not whole.endswith(" "):
            self._put(indent, [(meaning, sign), *pieces])  # nearly every line: nothing to escape or to wrap
            return 1
        safe = [(name, escape.line(text, len(text))) for name, text in pieces]
        if safe and safe[-1][1].endswith(" "):
            safe[-1] = (safe[-1][0], safe[-1][1][:-1] + "\\x20")
        if sum(cells(text) for _, text in safe) <= room:
            self._put(indent, [(meaning, sign), *safe])
            return 1
        more = sign[:-1] + ">" if sign else ""  # what continues an added line must not look like one that was there
        rows = list(_filled(safe, room))
        for number, row in enumerate(rows):
            self._put(indent, [(meaning, sign if number == 0 else more), *row])
        return len(rows)

    def paragraph(self, text: str, indent: int, meaning: str = "") -> None:
        """Prose that may have several lines of its own."""
        for part in text.strip("\n").split("\n") if text else ():
            self.add((meaning, part.rstrip()), indent=indent, hang=0)

    def blank(self) -> None:
        """An empty line, but never two, nor one at the top."""
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def text(self) -> str:
        """Everything, without a newline at its end."""
        return "\n".join(self.lines).rstrip("\n")

    def _wrap(self, words: Iterable[Word], indent: int, hang: int) -> None:
        for number, row in enumerate(_wrapped(words, self.width - indent, self.width - indent - hang)):
            self._put(indent if number == 0 else indent + hang, row)

    def _put(self, indent: int, row: Sequence[Piece]) -> None:
        plain = "".join(text for _, text in row)
        if not plain.strip(" "):
            self.lines.append("")
        elif self.style.is_on:
            parts = [(meaning, "".join(text for _, text in run)) for meaning, run in groupby(row, lambda item: item[0])]
            self.lines.append(" " * indent + "".join(self.style(*part) for part in _without_end(parts)))
        else:
            self.lines.append((" " * indent + plain).rstrip(" "))


def cells(text: str) -> int:
    """Columns that a terminal needs for `text`."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _without_end(parts: list[Piece]) -> list[Piece]:
    """Without spaces behind the last text: inside colour codes `rstrip` would not find them."""
    while parts:
        meaning, text = parts.pop()
        if text.rstrip(" "):
            return [*parts, (meaning, text.rstrip(" "))]
    return []


def _wrapped(words: Iterable[Word], first: int, rest: int) -> Iterator[list[Piece]]:
    """Rows that break between words; a word wider than a row is cut anywhere."""
    row: list[Piece] = []
    used, room = 0, first
    for word in words:
        length = sum(cells(text) for _, text in word)
        gap = 1 if row else 0
        if used + gap + length > room and row and length <= rest:
            yield row
            row, used, room, gap = [], 0, rest, 0
        if gap:
            row.append((word[0][0] if word[0][0] == row[-1][0] else "", " "))
        used += gap
        for meaning, text in word:
            for number, part in enumerate(_cut(text, room - used, rest)):
                if part and (number or cells(part) > room - used):
                    yield row
                    row, used, room = [], 0, rest
                row.append((meaning, part))
                used += cells(part)
    yield row


def _filled(pieces: Sequence[Piece], room: int) -> Iterator[list[Piece]]:
    """Rows of `room` columns, cut anywhere; at least one, though it may be empty."""
    row: list[Piece] = []
    used = 0
    for meaning, text in pieces:
        for number, part in enumerate(_cut(text, room - used, room)):
            if part and (number or used + cells(part) > room):
                yield row
                row, used = [], 0
            row.append((meaning, part))
            used += cells(part)
    yield row


def _words(pieces: Sequence[Piece]) -> Iterator[Word]:
    """Words of one or more pieces; two spaces in a row have an empty word between them."""
    word: list[Piece] = []
    for meaning, text in pieces:
        head, *others = text.split(" ")
        word.append((meaning, head))
        for other in others:
            yield word
            word = [(meaning, other)]
    yield word


def _cut(text: str, first: int, rest: int) -> Iterator[str]:
    """`text` in parts of at most `first`, then `rest` columns; at least one part, though it may be empty."""
    if cells(text) <= first:
        yield text
        return
    room = first if first > 1 else rest  # a wide character needs two
    part: list[str] = []
    used = 0
    for char in text:
        width = 1 if char < "\x7f" else cells(char)
        if used + width > room and part:
            yield "".join(part)
            part, used, room = [], 0, rest
        part.append(char)
        used += width
    yield "".join(part)
