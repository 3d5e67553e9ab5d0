"""Text from anywhere → text that a terminal shows as it is: the sole place of escaping for this sink.

What would move the cursor, turn the writing around or not be seen at all becomes a visible escape (`\\x1b`, `\\u202e`).
A backslash that was there stays as it is: nobody is fooled by text that looks like an escape, only by one that is none.
"""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "["
    "\x00-\x09\x0b-\x1f\x7f-\x9f"  # control characters but the newline
    "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"  # spaces that are not the usual one
    "\u2028\u2029"  # line breaks that are not the usual one
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # those that turn the writing around
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # invisible
    "\ud800-\udfff"  # lone surrogates
    "\ufdd0-\ufdef\ufffe\uffff]"  # no characters at all
    "|(?<=[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"  # marks in towers
)
_SHORT = {"\t": "\\t", "\r": "\\r"}

MOST = 4096
"""Characters of one value at most."""


def line(text: str, most: int = MOST) -> str:
    """One line: newlines are shown as `\\n`. What is longer than `most` characters is cut, and says so. Idempotent."""
    return block(text, most).replace("\n", "\\n")


def block(text: str, most: int = MOST) -> str:
    """The same with newlines left to the caller."""
    if len(text) > most:
        return f"{_visible(text[:most])}... ({len(text) - most:,} more characters)"
    return _visible(text)


def _visible(text: str) -> str:
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code > 0xFF:
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return _SHORT.get(match[0], f"\\x{code:02x}")
