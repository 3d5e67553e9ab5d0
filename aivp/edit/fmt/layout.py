"""Text of a YAML file → the same tokens and comments in the one layout that aivp writes. Knows no file and no meaning.

Two columns for each level, lists below their key; one blank where tokens are apart; one empty line where there were
some. How a text is quoted, the order of keys, and where lines break stay as their author chose (ADR 0039).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aivp.config.tokens import Token, scan
from aivp.edit.fmt.rows import Rows
from aivp.edit.fmt.scalars import block_lines, folded_lines

STEP = 2

_OPENING = ("FlowMappingStart", "FlowSequenceStart")
_CLOSING = ("FlowMappingEnd", "FlowSequenceEnd")
_NAMELIKE = ("Alias", "Anchor", "Tag", "Value")
"""What would take a comma, or an end, behind it as its own."""

_APART = ("FlowEntry", "Value", "BlockEntry", "Key", "Anchor", "Tag", "DocumentStart")


def lay_out(text: str) -> str:
    """`text` in aivp's layout; lines end with LF. Raises YAMLError."""
    plain = re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff"))
    return _Layout(plain).run()


@dataclass(frozen=True, slots=True)
class _Level:
    """A block map or list: its column before and now. is_within: a list that stood at its key's own column."""

    old: int
    new: int
    is_list: bool
    is_within: bool = False


class _Layout:
    """`end` is where the last token that is seen ended; `depth` counts open brackets, `base` is what they hang from."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.rows = Rows()
        self.levels: list[_Level] = []
        self.before: tuple[_Level, ...] = ()
        self.last: Token | None = None
        self.end = self.depth = self.base = 0
        self.is_key = False

    def run(self) -> str:
        for token in scan(self.text):
            if token.name in ("BlockMappingStart", "BlockSequenceStart"):
                self.open(token)
            elif token.name == "BlockEnd":
                self.close()
            elif token.name == "Key" and token.start == token.end:
                self.is_key = True
                self.leave_list()
            else:
                self.place(token)
        self.comments(self.text[self.end :], -1, 0)
        is_cut = self.last is not None and self.last.style in ("|", ">") and not self.text.endswith("\n")
        return self.rows.text("" if is_cut else "\n")

    def open(self, token: Token) -> None:
        is_first = self.is_first(token)
        inner = self.levels[-1].new + STEP if self.levels else 0
        new = inner if is_first else self.rows.width + 1
        self.levels.append(_Level(token.column, new, token.name == "BlockSequenceStart"))

    def close(self) -> None:
        if self.levels.pop().is_within:
            self.levels.pop()

    def leave_list(self) -> None:
        """A key ends the list that stood at the column of its map."""
        if not self.depth and self.levels and self.levels[-1].is_within:
            self.levels.pop()

    def place(self, token: Token) -> None:
        """Put one token that is seen into its place."""
        if token.name == "BlockEntry" and self.levels and not self.levels[-1].is_list:
            above = self.levels[-1]
            self.levels.append(_Level(above.old, above.new + STEP, is_list=True, is_within=True))
        elif token.name in ("Key", "Value") and self.is_first(token):
            self.leave_list()
        gap = self.text[self.end : token.start]
        if self.last is None or "\n" in gap:
            indent = self.indent(token)
            self.comments(gap, token.column, indent)
            self.rows.begin(indent)
        else:
            self.rows.write(self.between(token, gap))
        self.write(token)
        self.track(token)

    def indent(self, token: Token) -> int:
        """The column of a token that is the first of its line."""
        if self.depth:
            return self.base + STEP * (self.depth - (token.name in _CLOSING))
        if not self.levels or token.name in ("DocumentStart", "DocumentEnd", "Directive"):
            return 0
        is_own = self.is_key or token.name in ("BlockEntry", "Key", "Value")
        return self.levels[-1].new + (0 if is_own else STEP)

    def between(self, token: Token, gap: str) -> str:
        """The blanks before a token that stands behind another."""
        assert self.last is not None
        before = self.last.name
        if token.name in ("Value", "FlowEntry", *_CLOSING):
            return " " if before in _NAMELIKE and gap else ""
        if before in _OPENING:
            return ""
        return " " if before in _APART or gap else ""

    def write(self, token: Token) -> None:
        self.end = token.end
        source = self.text[token.start : token.end]
        if "\n" not in source:
            self.rows.write(source)
            return
        if token.style in ("|", ">"):
            level = self.levels[-1] if self.levels else None
            header, body, length = block_lines(source, level.old if level else None, level.new if level else None, STEP)
            words, mark, comment = header.partition("#")
            self.rows.write(words.rstrip())
            if mark:
                self.rows.comment(mark + comment, token.column + len(words))
            self.rows.raw(body)
            self.end = token.start + length
            return
        hang = self.base + STEP * self.depth if self.depth else self.levels[-1].new + STEP if self.levels else 0
        first, *rest = folded_lines(source, hang)
        self.rows.write(first)
        self.rows.raw(rest)

    def track(self, token: Token) -> None:
        """What follows from the token for those behind it."""
        if token.name in _OPENING:
            if not self.depth:
                level = self.levels[-1] if self.levels else None
                self.base = 0 if level is None else level.new + (STEP if level.is_list else 0)
                if level is not None and self.rows.is_alone and not self.is_key:
                    self.base = level.new + STEP
            self.depth += 1
        elif token.name in _CLOSING:
            self.depth -= 1
        self.last, self.is_key, self.before = token, False, tuple(self.levels)

    def comments(self, gap: str, column: int, indent: int) -> None:
        """What stands between two lines' tokens: `column` and `indent` are those of the token that follows."""
        here = self.end - (self.text.rfind("\n", 0, self.end) + 1)
        first, *rest = gap.split("\n")
        if self.last is None:
            rest = [first, *rest]
        elif first.strip():
            self.rows.comment(first.strip(), here + len(first) - len(first.lstrip()))
        for line in rest[:-1] if column >= 0 else rest:
            if line.strip():
                own = len(line) - len(line.lstrip())
                self.rows.begin(self.comment_indent(own, column, indent))
                self.rows.write(line.strip())
            else:
                self.rows.blank()

    def comment_indent(self, own: int, column: int, indent: int) -> int:
        """A comment belongs to what follows, or to a deeper level that it still stands in."""
        if self.depth:
            return self.base + STEP * self.depth
        inner = [level for level in self.before if column < level.old <= own]
        return inner[-1].new if inner else indent

    def is_first(self, token: Token) -> bool:
        """True where nothing but blanks stands before the token on its line."""
        return not self.text[self.text.rfind("\n", 0, token.start) + 1 : token.start].strip()
