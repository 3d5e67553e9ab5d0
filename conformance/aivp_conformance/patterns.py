"""Patterns of manifests, which are searched as JSON Schema says, in Python's own dialect of regular expressions."""

from __future__ import annotations

import re

_PARTS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$|.", re.DOTALL)


def python(pattern: str) -> str:
    """The same in Python, where `$` alone would also match before a newline at the end."""
    return "".join(r"\Z" if part == "$" else part for part in _PARTS.findall(pattern))


def matches(pattern: str, text: str) -> bool:
    """Is it found in the text?"""
    return re.search(python(pattern), text) is not None
