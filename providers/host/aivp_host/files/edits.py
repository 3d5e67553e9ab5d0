"""Line and block edits: text → text. Pure; knows nothing of where the text comes from.

Lines that no edit names keep every byte, their ends included; new lines end as the file's first line does.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Callable, List, Optional, Pattern, Sequence, Union

from aivp_sdk import Permanent, Secret

from .declaration import Block, Line

Match = Callable[[str], bool]

_NEVER = r"(?!)"
"""Matches no line."""

_ONE = "Leave one of the two out."


def edit(text: str, lines: Sequence[Line], blocks: Sequence[Block]) -> str:
    """`text` with every edit made, in order. Raises Permanent for edits that contradict themselves or each other."""
    edited = _pass(text, lines, blocks)
    if _pass(edited, lines, blocks) != edited:
        raise Permanent(
            "the edits never settle: made a second time they change the file again",
            path="/lines" if lines else "/blocks",
            mend="Let each regexp match the line that it brings forth, and no two edits claim the same line.",
        )
    return edited


def without(text: str, lines: Sequence[Line], blocks: Sequence[Block]) -> str:
    """`text` without what these edits brought, as state recorded them: what is left belongs to others."""
    gone = [_gone(line.line) for line in lines if line.state == "present" and not line.backrefs]
    return _pass(text, gone, [replace(block, content="") for block in blocks if not _is_secret(block.name)])


def _is_secret(value: Any) -> bool:
    return isinstance(value, Secret)


def _gone(text: Any) -> Line:
    """Values of secrets do not come with a deletion: a line that holds one is known by the text around it, and by
    nothing where there is none.
    """
    if not _is_secret(text):
        return Line(line=text, state="absent")
    parts = text.origin.get("text", []) if isinstance(text.origin, dict) else []
    shape = "".join(re.escape(part) if isinstance(part, str) else ".+" for part in parts)
    is_known = any(isinstance(part, str) and part.strip() for part in parts)
    return Line(regexp=f"^{shape}$" if is_known else _NEVER, state="absent")


def _pass(text: str, lines: Sequence[Line], blocks: Sequence[Block]) -> str:
    document = _Document(text)
    for index, line in enumerate(lines):
        _edit_line(document, line, f"/lines/{index}")
    for index, block in enumerate(blocks):
        _edit_block(document, block, f"/blocks/{index}")
    return document.text()


class _Document:
    """Lines with their ends."""

    def __init__(self, text: str) -> None:
        self.raw = _split(text)
        self.end = "\r\n" if self.raw and self.raw[0].endswith("\r\n") else "\n"

    def text(self) -> str:
        return "".join(self.raw)

    def body(self, index: int) -> str:
        """A line without its end."""
        raw = self.raw[index]
        return raw[: len(raw) - len(_end_of(raw))]

    def find(self, match: Match) -> List[int]:
        """The indices of the lines that match."""
        return [index for index in range(len(self.raw)) if match(self.body(index))]

    def replace(self, index: int, body: str) -> None:
        self.raw[index] = body + _end_of(self.raw[index])

    def insert(self, index: int, bodies: Sequence[str]) -> None:
        """New lines before line `index`; the one above gets an end if it has none."""
        if index > 0 and bodies and not _end_of(self.raw[index - 1]):
            self.raw[index - 1] += self.end
        self.raw[index:index] = [body + self.end for body in bodies]


def _split(text: str) -> List[str]:
    """At line feeds only: the other separators of Unicode end no line of a configuration file."""
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _end_of(raw: str) -> str:
    return "\r\n" if raw.endswith("\r\n") else "\n" if raw.endswith("\n") else ""


def _edit_line(document: _Document, line: Line, where: str) -> None:
    _check_line(line, where)
    pattern = _compile(line.regexp, f"{where}/regexp") if line.regexp is not None else None
    matching = document.find(_matcher(line, pattern))
    if line.state == "absent":
        for index in reversed(matching):
            del document.raw[index]
        return
    assert line.line is not None
    if matching and (pattern is not None or line.search is not None):
        index = matching[0] if line.first_match else matching[-1]
        document.replace(index, _filled(line, pattern, document.body(index), where))
    elif not line.backrefs and line.line not in map(document.body, range(len(document.raw))):
        document.insert(_place(document, line, where), [line.line])


def _filled(line: Line, pattern: Optional[Pattern[str]], body: str, where: str) -> str:
    assert line.line is not None
    match = pattern.search(body) if line.backrefs and pattern is not None else None
    if match is None:
        return line.line
    try:
        return match.expand(line.line)
    except (re.error, IndexError) as error:
        mend = "Refer only to groups that regexp has, as \\1 or \\g<name>."
        raise Permanent(f"line: {error}", path=f"{where}/line", mend=mend) from None


def _matcher(line: Line, pattern: Optional[Pattern[str]]) -> Match:
    if pattern is not None:
        return lambda body: pattern.search(body) is not None
    if line.search is not None:
        text = line.search
        return lambda body: text in body
    return lambda body: body == line.line


def _check_line(line: Line, where: str) -> None:
    if line.regexp is not None and line.search is not None:
        raise Permanent("a line is found by regexp or by search, not by both", path=f"{where}/search", mend=_ONE)
    if line.insert_after is not None and line.insert_before is not None:
        raise Permanent("a line goes after or before something, not both", path=f"{where}/insert_before", mend=_ONE)
    if line.line is None and (line.state == "present" or (line.regexp is None and line.search is None)):
        raise Permanent(
            "nothing says which line", path=where, mend="Give line, or with state: absent a regexp or search."
        )
    if line.line is not None and ("\n" in line.line or "\r" in line.line):
        raise Permanent(
            "a line has no line break in it", path=f"{where}/line", mend="Use one entry a line, or a block."
        )
    if line.backrefs and line.regexp is None:
        mend = "Give a regexp, or leave backrefs out."
        raise Permanent("backrefs need a regexp with groups", path=f"{where}/backrefs", mend=mend)


def _edit_block(document: _Document, block: Block, where: str) -> None:
    if "{mark}" not in block.marker or "\n" in block.marker + block.name:
        mend = "Such as # {mark} aivp: {name}."
        raise Permanent("a marker is one line with {mark} in it", path=f"{where}/marker", mend=mend)
    if block.insert_after is not None and block.insert_before is not None:
        raise Permanent("a block goes after or before something, not both", path=f"{where}/insert_before", mend=_ONE)
    marker = block.marker.replace("{name}", block.name)
    begin, end = marker.replace("{mark}", "BEGIN"), marker.replace("{mark}", "END")
    wanted = [begin, *block.content.replace("\r\n", "\n").removesuffix("\n").split("\n"), end] if block.content else []
    if begin in wanted[1:-1] or end in wanted[1:-1]:
        mend = "Give it another marker, or take the line out."
        raise Permanent("a block cannot hold its own markers", path=f"{where}/content", mend=mend)
    begins = document.find(lambda body: body == begin)
    ends = document.find(lambda body: body == end)
    if not begins and not ends:
        document.insert(_place(document, block, where), wanted)
        return
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise Permanent(
            f"the markers of block {block.name} are damaged: {len(begins)} begin and {len(ends)} end",
            path=where,
            mend="Repair the file by hand: one BEGIN line, and one END line below it.",
        )
    first, last = begins[0], ends[0]
    if [document.body(index) for index in range(first, last + 1)] != wanted:
        del document.raw[first : last + 1]
        document.insert(first, wanted)


def _place(document: _Document, wish: Union[Line, Block], where: str) -> int:
    """Where something new goes: beside the anchor, or at the end of the file if no line matches it."""
    first_match = isinstance(wish, Line) and wish.first_match
    if wish.insert_before == "BOF":
        return 0
    anchor = wish.insert_before if wish.insert_before is not None else wish.insert_after
    if anchor is None or (anchor == "EOF" and wish.insert_before is None):
        return len(document.raw)
    name = "insert_before" if wish.insert_before is not None else "insert_after"
    pattern = _compile(anchor, f"{where}/{name}")
    matching = document.find(lambda body: pattern.search(body) is not None)
    if not matching:
        return len(document.raw)
    index = matching[0] if first_match else matching[-1]
    return index if name == "insert_before" else index + 1


def _compile(expression: str, where: str) -> Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        mend = "Escape what is meant literally, or use search."
        raise Permanent(f"not a regular expression: {error}", path=where, mend=mend) from None
