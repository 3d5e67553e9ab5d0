"""Host patterns of Ansible → names: `web[01:10].example.com`, `db-[a:f]`, `[2001:db8::1]:22`, with a port behind."""

from __future__ import annotations

import re
import string

MOST = 10_000
"""Hosts that one pattern may stand for."""

_RANGE = re.compile(r"\[(?P<begin>[0-9]*|[A-Za-z]):(?P<end>[0-9]+|[A-Za-z])(?::(?P<step>[0-9]+))?\]")
_LITERAL_SIX = re.compile(r"\[(?P<address>[0-9A-Fa-f:.]+)\](?::(?P<port>[0-9]{1,5}))?")
_PORT = re.compile(r"(?P<name>[^:]*(?:\[[^\]]*\][^:]*)*):(?P<port>[0-9]{1,5})")


class BadPattern(Exception):
    """It stands for nothing, or for too much."""


def expand(pattern: str) -> tuple[list[str], int | None]:
    """The names, in order, and the port. Raises BadPattern."""
    six = _LITERAL_SIX.fullmatch(pattern)
    if six is not None and six["address"].count(":") > 1:
        return [six["address"]], int(six["port"]) if six["port"] else None
    port = None
    if pattern.count(":") and (match := _PORT.fullmatch(pattern)):
        pattern, port = match["name"], int(match["port"])
    if pattern.endswith(":"):
        raise BadPattern("it ends in a colon, behind which a port would stand")
    found = [""]
    end = 0
    for match in _RANGE.finditer(pattern):
        items = _items(match)
        if len(found) * len(items) > MOST:
            raise BadPattern(f"it stands for more than {MOST:,} hosts")
        found = [f"{head}{pattern[end : match.start()]}{item}" for head in found for item in items]
        end = match.end()
    rest = pattern[end:]
    if "[" in rest or "]" in rest:
        raise BadPattern("its brackets hold no range, such as [01:10] or [a:f]")
    return [head + rest for head in found], port


def _items(match: re.Match[str]) -> list[str]:
    begin, end, step = match["begin"] or "0", match["end"], int(match["step"] or 1)
    if step < 1 or begin.isdigit() != end.isdigit():
        raise BadPattern("a range goes from a number to a number, or from a letter to a letter")
    if begin.isdigit():
        width = len(begin) if begin.startswith("0") and len(begin) > 1 else 0
        if width and len(end) != width:
            raise BadPattern("both ends of a range with leading zeros are equally long")
        if int(end) - int(begin) >= MOST * step:
            raise BadPattern(f"it stands for more than {MOST:,} hosts")
        items = [str(number).zfill(width) for number in range(int(begin), int(end) + 1, step)]
    else:
        letters = string.ascii_letters
        items = list(letters[letters.index(begin) : letters.index(end) + 1 : step])
    if not items:
        raise BadPattern("a range goes upwards")
    return items
