"""A position in a line of somebody's file → how far the value or the name goes that begins there.

Positions have no end: the line itself tells, by the rules of YAML's scalars, which fit other files well enough.
"""

from __future__ import annotations

import re

MOST = 4096
"""Characters that are looked at."""

_DOUBLE = re.compile(r'"(?:[^"\\]|\\.)*"?')
_SINGLE = re.compile(r"'(?:[^']|'')*'?")
_WORD = re.compile(r"\S+")
_BLOCK_PLAIN = re.compile(r"(?:(?!:(?:\s|$)|\s#).)+")
_FLOW_PLAIN = re.compile(r"(?:(?!:(?:\s|$)|\s#|,(?:\s|$)|[\[\]{}]).)+")
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'""")
_CLOSING = {"[": "]", "{": "}"}


def marked(line: str, start: int) -> int:
    """Characters from `start` (from 0) that belong to what is meant there; at least one."""
    text = line[start : start + MOST]
    match text[:1]:
        case "" | " " | "\t":
            return 1
        case '"':
            found = _DOUBLE.match(text)
        case "'":
            found = _SINGLE.match(text)
        case "[" | "{":
            return _balanced(text)
        case "&" | "*" | "!" | "|" | ">" | "$":
            found = _WORD.match(text)
        case _:
            found = _plain(_QUOTED.sub("", line[max(start - MOST, 0) : start])).match(text)
    return max(len(found[0].rstrip()) if found else 1, 1)


def _balanced(text: str) -> int:
    """To the bracket that closes the first one, or that bracket alone where it is closed on another line."""
    waiting: list[str] = []
    plain = _QUOTED.sub(lambda found: "_" * len(found[0]), text)
    for number, char in enumerate(plain):
        if char in _CLOSING:
            waiting.append(_CLOSING[char])
        elif waiting and char == waiting[-1]:
            waiting.pop()
            if not waiting:
                return number + 1
    return 1


def _plain(before: str) -> re.Pattern[str]:
    """What ends a plain scalar behind `before`, which has no closed quotes: within an open one it is the word."""
    if '"' in before or "'" in before:
        return _WORD
    return (
        _FLOW_PLAIN if before.count("[") + before.count("{") > before.count("]") + before.count("}") else _BLOCK_PLAIN
    )
