"""Text from anywhere → HTML and SVG: the sole place of escaping for these sinks.

What a terminal must not see is made visible here, too (`\\x1b`, `\\u202e`): a browser would hide it or turn the line
around. Whoever builds markup does it with `tag`, which escapes every string that is not Markup already; nothing is ever
put into a script or a style, whose text comes from files of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from aivp.views import escape

MOST: Final = escape.MOST
"""Characters of one text at most."""

_ENTITIES: Final = {
    ord(c): name for c, name in zip("&<>\"'", ("&amp;", "&lt;", "&gt;", "&quot;", "&#39;"), strict=True)
}
_NEEDS_ENTITY: Final = frozenset("&<>\"'")
_PLAIN: Final = re.compile(r"[ !#$%(-;=?-~]*")
_VOID: Final = frozenset(("meta", "link", "br", "hr", "input", "path", "rect", "line", "wbr"))

Child = str | Iterable[str]
Attributes = dict[str, str | float | bool | None]


class Markup(str):
    """Text that is markup already: only `tag`, `raw` and `join` make it."""

    __slots__ = ()


def text(value: str, most: int = MOST) -> Markup:
    """`value` as one line that means nothing but itself, cut behind `most` characters; idempotent only for Markup."""
    if isinstance(value, Markup):
        return value
    if len(value) <= most and _PLAIN.fullmatch(value):
        return Markup(value)
    return Markup(_entities(escape.line(value, most)))


def block(value: str, most: int = MOST) -> Markup:
    """The same with its newlines, for `pre`."""
    return value if isinstance(value, Markup) else Markup(_entities(escape.block(value, most)))


def raw(ours: str) -> Markup:
    """Text of our own files and constants, as it is: never a value of somebody else's."""
    return Markup(ours)


def join(parts: Iterable[str], between: str = "") -> Markup:
    """Parts in a row, each escaped unless it is Markup."""
    return Markup(between.join([text(part) for part in parts]))


def tag(name: str, attributes: Attributes | None = None, *children: Child) -> Markup:
    """One element. Attributes that are None or False are left out; True stands for one without a value."""
    said = "".join(_attribute(key, value) for key, value in attributes.items()) if attributes else ""
    if name in _VOID and not children:
        return Markup(f"<{name}{said}/>")
    inside = "".join([text(child) if isinstance(child, str) else join(child) for child in children])
    return Markup(f"<{name}{said}>{inside}</{name}>")


def number(value: float) -> str:
    """Pixels with one decimal, none where it is whole."""
    return f"{value:.1f}".removesuffix(".0")


def _attribute(name: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return f' {name}=""'
    return f' {name}="{text(value) if isinstance(value, str) else number(value)}"'


def _entities(value: str) -> str:
    return value.translate(_ENTITIES) if not _NEEDS_ENTITY.isdisjoint(value) else value
