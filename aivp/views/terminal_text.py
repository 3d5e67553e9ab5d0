"""What a program drew on a terminal of its own → a line of plain text: colours and moves of the cursor are left out."""

from __future__ import annotations

import re

_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # colours, moves
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles
    r"|[PX^_][^\x1b]*\x1b\\"
    r"|[ -/]*[0-~])"
)


def plain(text: str) -> str:
    """Without sequences for terminals, and with what a carriage return wrote over left out."""
    text = _SEQUENCE.sub("", text.rstrip("\r"))
    written = ""
    for part in text.split("\r"):
        written = part + written[len(part) :]
    return written
