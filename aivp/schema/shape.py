"""Shapes: what may stand at a place of a document. One description, from which every schema is written.

A shape says no more than holds whatever else the project declares: what only the whole project decides (names that
exist, fields that `defaults` give) is for `aivp validate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from aivp_contract.values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """note: for people, one or two sentences. can_refer: `${…}` may stand for the value; is_optional: so may null."""

    note: str = ""
    can_refer: bool = False
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Anything(Described):
    """Any value."""


@dataclass(frozen=True, slots=True)
class Flag(Described):
    """True or false."""


@dataclass(frozen=True, slots=True)
class Literal(Described):
    """One of some values."""

    values: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Text(Described):
    """pattern: a regular expression without look-around, found anywhere in the text; least, most: characters."""

    pattern: str = ""
    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Number(Described):
    """A number within bounds, which belong to it."""

    is_whole: bool = True
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class ListOf(Described):
    """A list; least, most: elements."""

    item: Shape = field(default_factory=Anything)
    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Snippet:
    """What an editor offers in a map whose keys people make up."""

    label: str
    note: str
    body: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Fields that cannot stand together: where `when` holds (field → values), none of `fields`."""

    when: Mapping[str, tuple[Json, ...]]
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Map(Described):
    """`members` by name, `rest` by the pattern that a whole key matches, `others` for all other keys (None: refused).

    apart: of each pair of these only one; conflicts: what a member forbids.
    """

    members: Mapping[str, Shape] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    rest: Mapping[str, Shape] = field(default_factory=dict)
    others: Shape | None = None
    snippets: tuple[Snippet, ...] = ()
    apart: tuple[tuple[str, ...], ...] = ()
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class Either(Described):
    """At least one of the options."""

    options: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Named(Described):
    """A shape that is described under its name, once."""

    name: str


Shape = Anything | Flag | Literal | Text | Number | ListOf | Map | Either | Named
S = TypeVar("S", bound=Described)


@dataclass(frozen=True, slots=True)
class Language:
    """`root`: aivp.yaml; `document`: any other. Both and every other shape by name in `shapes`."""

    shapes: Mapping[str, Shape]
    root: str = "root"
    document: str = "document"


def referring(shape: S) -> S:
    """The same, where `${…}` may stand for it too."""
    return replace(shape, can_refer=True)


def optional(shape: S, note: str = "") -> S:
    """The same, where null may stand for it too."""
    return replace(shape, is_optional=True, note=note or shape.note)


def patched(shape: Shape) -> Shape:
    """What an override may say of a value of `shape` (RFC 7396): any part of a map, and null to take one back."""
    match shape:
        case Map():
            return replace(
                shape,
                is_optional=True,
                members={name: patched(item) for name, item in shape.members.items()},
                rest={name: patched(item) for name, item in shape.rest.items()},
                others=None if shape.others is None else patched(shape.others),
                required=(),
                snippets=(),
                apart=(),
                conflicts=(),
            )
        case Either() if all(isinstance(item, Map) for item in shape.options):
            return _union(shape)
        case Either():
            return replace(shape, is_optional=True, options=tuple(patched(item) for item in shape.options))
        case _:
            return replace(shape, is_optional=True)


def _union(shape: Either) -> Map:
    """One map that has every member of all: a patch may turn one form into the other."""
    found: dict[str, list[Shape]] = {}
    for option in shape.options:
        assert isinstance(option, Map)
        for name, item in option.members.items():
            found.setdefault(name, [])
            if item not in found[name]:
                found[name].append(item)
    members = {
        name: patched(items[0] if len(items) == 1 else Either(tuple(items), note=items[0].note))
        for name, items in found.items()
    }
    return Map(members, note=shape.note, is_optional=True)
