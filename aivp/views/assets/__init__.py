"""Styles and scripts of ours that become part of what is written: files, so that editors and linters know them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@cache
def asset(name: str) -> str:
    """The text of one file here."""
    return (_HERE / name).read_text(encoding="utf-8")
