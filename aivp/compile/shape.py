"""Strict shapes of what the language itself defines. Every function returns the value typed, or raises Mistake."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from aivp_contract.values import Json

from aivp.compile.mistake import Mistake, each
from aivp.plugins.suggestion import did_you_mean, listing

CODE = "AIVP0211"


def mapping(value: Json, what: str, *path: str | int) -> dict[str, Any]:
    """A mapping; nothing at all counts as an empty one."""
    if value is None:
        return {}
    if type(value) is not dict:
        raise Mistake(CODE, f"{what} is a mapping.", "", *path)
    return value


def only(value: Mapping[str, Json], known: Collection[str], what: str, *path: str | int) -> None:
    """No other member than the known ones."""

    def refuse(name: str) -> None:
        mend = did_you_mean(name, known) or f"Known: {listing(known)}."
        raise Mistake(CODE, f"{name[:80]} is no member of {what}.", mend, *path, name)

    each(refuse, ((None, name) for name in sorted(value.keys() - set(known))))


def read_members(value: Mapping[str, Json], readers: Mapping[str, Callable[[Any], Any]], what: str) -> dict[str, Any]:
    """Every member as its reader gives it. Raises the mistakes of all of them, unknown ones among them."""

    def read(name: str) -> tuple[str, Any]:
        only({name: None}, readers, what)
        return name, readers[name](value[name])

    return dict(each(read, ((None, name) for name in sorted(value))))


def texts(value: Json, what: str, *path: str | int, least: int = 0) -> list[str]:
    """A list of texts."""
    if type(value) is not list or len(value) < least or not all(type(item) is str for item in value):
        raise Mistake(CODE, f"{what} is a list of texts{'' if least == 0 else f', at least {least}'}.", "", *path)
    return value


def labels(value: Json, *path: str | int) -> dict[str, str]:
    """A mapping of texts to texts."""
    if type(value) is not dict or not all(type(item) is str for item in value.values()):
        raise Mistake(CODE, "labels is a mapping of texts to texts.", "", *path)
    return value


def flag(value: Json, what: str, *path: str | int) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise Mistake(CODE, f"{what} is true or false.", "", *path)
    return value


def one_of(value: Json, known: Collection[str], what: str, *path: str | int) -> Any:
    """One of the known words."""
    if type(value) is not str or value not in known:
        mend = did_you_mean(value, known) if type(value) is str else ""
        raise Mistake(CODE, f"{what} is one of {listing(known)}.", mend, *path)
    return value


def whole(value: Json, least: int, most: int, what: str, *path: str | int) -> int:
    """A whole number within bounds."""
    if type(value) is not int or not least <= value <= most:
        raise Mistake(CODE, f"{what} is a whole number from {least} to {most}.", "", *path)
    return value
