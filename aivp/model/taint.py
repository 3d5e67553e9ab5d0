"""Which secrets a value is made of: found in secrets, in what a secret was made from, and in expressions.

Knows how an origin is written (`{"secret": name, "version": v}`, `{"text": [...]}`, `{"template": {...}}`), no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aivp_contract.values import TAG, Json, Secret, contains

from aivp.model.expression import Template, Text


def names(value: Json) -> list[str]:
    """The names of all secrets in `value`, sorted."""
    return sorted({name for name, _ in uses(value)})


def fields(attributes: Mapping[str, Json], before: Iterable[str] = ()) -> list[str]:
    """The names of attributes, all filled in, that hold secrets, sorted.

    before: those that once did: they stay tainted, since not all of the old value need be gone.
    """
    return sorted({*before, *(name for name, value in attributes.items() if contains(value, (Secret,)))})


def uses(value: Json) -> set[tuple[str, str]]:
    """(name, version) of every secret in `value`; tagged values may stand there as objects or as their JSON form."""
    match value:
        case Secret():
            return _of_origin(value.origin)
        case Text():
            return _of_all(value.parts)
        case Template():
            return uses(dict(value.vars))
        case dict():
            return _of_origin(value.get("origin")) if value.get(TAG) == Secret.tag else _of_all(value.values())
        case list() | tuple():
            return _of_all(value)
        case _:
            return set()


def _of_all(values: Json) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for item in values:
        found |= uses(item)
    return found


def _of_origin(origin: Json) -> set[tuple[str, str]]:
    match origin:
        case {"secret": str(name), "version": str(version)}:
            return {(name, version)}
        case {"text": [*parts]}:
            # A part is text, an origin, or a whole secret: only here may an origin stand without its tag.
            return set().union(*(_of_origin(part) for part in parts))
        case {"template": {"vars": variables}}:
            return uses(variables)
        case _:
            return uses(origin)
