"""Text from anywhere → text that a terminal shows as it is: the sole place of escaping for this sink."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f"  # control characters but the newline
    "\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u061c"  # invisible ones, and those that turn the writing around
    "\ud800-\udfff\U000e0000-\U000e007f]"  # lone surrogates and tags
)

MOST = 4096
"""Characters of one value at most."""


def line(text: str, most: int = MOST) -> str:
    """One line: newlines are shown as \\n, too."""
    return block(text, most).replace("\n", "\\n")


def block(text: str, most: int = MOST) -> str:
    """Several lines; what is longer than `most` is cut, and says so."""
    cut = text[:most]
    shown = _UNSAFE.sub(_visible, cut)
    return shown if len(cut) == len(text) else f"{shown}… ({len(text) - most} more characters)"


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] == "\t":
        return "    "
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
