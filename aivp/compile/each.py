"""`for_each` → keys and their values."""

from __future__ import annotations

from collections.abc import Iterable

from aivp_contract.values import Json

from aivp.compile.mistake import Mistake

MAX_KEYS = 100_000
_SHAPES = "for_each is a list of unique texts, a mapping, or a whole number."


def keys_of(value: Json) -> list[tuple[str, Json]]:
    """Key and value of every instance, sorted by key, numbers as numbers. Raises Mistake."""
    match value:
        case bool():
            raise Mistake("AIVP0209", _SHAPES)
        case int():
            if not 0 <= value <= MAX_KEYS:
                raise Mistake("AIVP0209", f"for_each as a number is from 0 to {MAX_KEYS}.")
            return [(str(index), index) for index in range(value)]
        case list():
            return [(key, key) for key in sorted(_unique(value))]
        case dict():
            return [(key, value[key]) for key in sorted(_unique(value))]
        case _:
            raise Mistake("AIVP0209", _SHAPES)


def _unique(keys: Iterable[Json]) -> set[str]:
    found: set[str] = set()
    for index, key in enumerate(keys):
        if type(key) is not str:
            raise Mistake("AIVP0209", _SHAPES, "Keys are texts: quote numbers.", index)
        if not key or not key.isprintable() or len(key) > 200:
            raise Mistake("AIVP0209", "A key of for_each is 1 to 200 printable characters.", "", index)
        if key in found:
            raise Mistake("AIVP0209", f"for_each holds {key} twice.", "", index)
        found.add(key)
    if len(found) > MAX_KEYS:
        raise Mistake("AIVP0209", f"for_each has more than {MAX_KEYS} keys.")
    return found
