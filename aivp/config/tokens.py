"""Text of one YAML file → its tokens and where each begins and ends: for who rewrites people's files.

libyaml's scanner; what stands between two tokens is blanks, line breaks and comments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from aivp.config.events import YAMLError

__all__ = ["Token", "YAMLError", "scan"]

_UNSEEN = frozenset(("StreamStart", "StreamEnd"))


@dataclass(frozen=True, slots=True)
class Token:
    """`name` as libyaml calls it, without `Token`; `start` and `end` count characters, `column` from 0.

    style: of a scalar, one of `|`, `>`, `'`, `"` or empty; value: what a scalar means as text, before any typing.
    """

    name: str
    start: int
    end: int
    column: int
    style: str = ""
    value: str = ""


def scan(text: str) -> Iterator[Token]:
    """The tokens of `text`. Raises YAMLError."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    item: Any
    for item in yaml.scan(text, Loader=loader):
        name = type(item).__name__.removesuffix("Token")
        if name in _UNSEEN:
            continue
        style, value = (item.style or "", item.value) if name == "Scalar" else ("", "")
        yield Token(name, item.start_mark.index, item.end_mark.index, item.start_mark.column, style, value)
