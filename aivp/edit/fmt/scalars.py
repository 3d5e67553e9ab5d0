"""Lines of a text that runs over several → the same text, moved to another column."""

from __future__ import annotations

import re


def folded_lines(source: str, hang: int) -> list[str]:
    """A plain or quoted text over several lines; the blanks that its further lines begin with mean nothing."""
    first, *rest = source.split("\n")
    return [first, *(" " * hang + line.lstrip(" \t") if line.strip(" \t") else "" for line in rest)]


def block_lines(source: str, old: int | None, new: int | None, step: int) -> tuple[str, list[str], int]:
    """A block text: its header, its lines below the column `new` (they were below `old`), the length of what it took.

    Empty lines at the end that mean nothing are not among them.
    """
    header, *body = source.split("\n")
    indicator = header.partition("#")[0]
    if source.endswith("\n"):
        body.pop()
    digit = re.search("[1-9]", indicator)
    if digit:
        was = (old or 0) + int(digit[0])
        now = (new or 0) + int(digit[0])
    else:
        was = next((len(line) - len(line.lstrip(" ")) for line in body if line.strip(" ")), 0)
        now = step if new is None else new + step
    if "+" not in indicator:
        while body and not body[-1].strip(" ") and len(body[-1]) <= was:
            body.pop()
    moved = [" " * now + line[was:] if line[was:] else "" for line in body]
    return header, moved, len("\n".join([header, *body]))
