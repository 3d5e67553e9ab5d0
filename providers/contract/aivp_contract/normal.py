"""Normal forms by the manifest's semantics, so that two spellings of one value compare equal on every side."""

from __future__ import annotations

import posixpath
import re
from typing import Any, Dict, Mapping

from .canonical import encode
from .manifest import Field
from .values import Json, Tagged

_QUANTITY = re.compile(r"([0-9]+)\s*([KMGTP]i?B?|B)?")
_DURATION = re.compile(r"([0-9]+)\s*(s|m|h|d|w)?")


class NotNormal(ValueError):
    """A value that has no normal form under its field's semantic; the message says what is expected."""


def normal(fields: Mapping[str, Field], attributes: Mapping[str, Json]) -> Dict[str, Json]:
    """`attributes` with every value in normal form. Raises NotNormal with the field's name in front."""
    found: Dict[str, Json] = {}
    for name, value in attributes.items():
        meaning = fields.get(name)
        if meaning is None:
            found[name] = value
            continue
        try:
            found[name] = normal_value(meaning, value)
        except NotNormal as error:
            raise NotNormal(f"{name}: {error}") from None
    return found


def normal_value(meaning: Field, value: Json) -> Json:
    """One value in normal form; tagged values stay as they are."""
    if value is None or isinstance(value, Tagged):
        return value
    if meaning.semantic is not None:
        return _SEMANTIC[meaning.semantic](value)
    if type(value) is dict and meaning.fields:
        return normal(meaning.fields, value)
    if type(value) is list:
        items = [normal_value(meaning.items, item) for item in value] if meaning.items else value
        return sorted_set(items) if meaning.is_set else items
    return value


def sorted_set(items: Any) -> Any:
    """The elements once each, sorted by their canonical bytes."""
    return [item for _, item in sorted({encode(item): item for item in items}.items())]


def quantity(value: Json) -> int:
    """Bytes, or text with a unit (`512MiB`, `2GB`) → bytes."""
    if type(value) is int and value >= 0:
        return value
    match = _QUANTITY.fullmatch(value) if type(value) is str else None
    if match is None:
        raise NotNormal('a size is bytes or a number with a unit, such as "512MiB"')
    number, unit = int(match[1]), (match[2] or "B").rstrip("B")
    base = 1024 if unit.endswith("i") else 1000
    return number * base ** ("KMGTP".index(unit[0]) + 1) if unit else number


def duration(value: Json) -> int:
    """Seconds, or text with a unit (`90s`, `5m`, `1h`, `2d`, `1w`) → seconds."""
    if type(value) is int and value >= 0:
        return value
    match = _DURATION.fullmatch(value) if type(value) is str else None
    if match is None:
        raise NotNormal('a duration is seconds or a number with a unit, such as "5m"')
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[match[2] or "s"]


def mode(value: Json) -> str:
    """Octal text (`"644"`, `"0644"`) or absolute symbolic text (`u=rw,g=r,o=`) → four octal digits."""
    if type(value) is str and re.fullmatch(r"[0-7]{3,4}", value):
        return value.zfill(4)
    if type(value) is str and re.fullmatch(r"[ugoa]*=[rwxst]*(,[ugoa]*=[rwxst]*)*", value):
        return _symbolic(value)
    raise NotNormal('a mode is quoted octal such as "0644", or symbolic with = only, such as "u=rw,g=r,o="')


def path(value: Json) -> str:
    """An absolute path without `.`, `..`, doubled or trailing slashes."""
    if type(value) is not str or not value.startswith("/") or "\0" in value:
        raise NotNormal("a path on a host is absolute")
    if ".." in value.split("/"):
        raise NotNormal("a path on a host has no .. in it")
    return "/" + posixpath.normpath(value).lstrip("/")


_SEMANTIC = {"quantity": quantity, "duration": duration, "mode": mode, "path": path}


def _symbolic(text: str) -> str:
    bits = 0
    for clause in text.split(","):
        who, _, what = clause.partition("=")
        given = sum({"r": 4, "w": 2, "x": 1}.get(letter, 0) for letter in set(what))
        for letter in "ugo" if who in ("", "a") else who:
            bits |= given << {"u": 6, "g": 3, "o": 0}[letter]
            bits |= {"u": 0o4000, "g": 0o2000}.get(letter, 0) if "s" in what else 0
        bits |= 0o1000 if "t" in what else 0
    return f"{bits:04o}"
