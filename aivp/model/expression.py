"""Expressions: values of the IR that only evidence can fill in. `plan/bind` fills each in or leaves it unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from aivp_contract.values import CONTRACT_TAGS, Constructor, Json, Secret, Tagged


@dataclass(frozen=True)
class Ref(Tagged):
    """A field of another resource that its declaration does not hold: `to` is its address, `path` the field's."""

    to: str
    path: tuple[str | int, ...]
    tag: ClassVar[str] = "ref"

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", tuple(self.path))

    def form(self) -> dict[str, Json]:
        return {"to": self.to, "path": list(self.path)}


@dataclass(frozen=True)
class Fact(Tagged):
    """A fact of a host, such as `("os", "id")`."""

    host: str
    path: tuple[str, ...]
    tag: ClassVar[str] = "fact"

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", tuple(self.path))

    def form(self) -> dict[str, Json]:
        return {"host": self.host, "path": list(self.path)}


@dataclass(frozen=True)
class Text(Tagged):
    """Text with references inside: `parts` are literal strings and expressions or secrets."""

    parts: tuple[Json, ...]
    tag: ClassVar[str] = "text"

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))

    def form(self) -> dict[str, Json]:
        return {"parts": list(self.parts)}


@dataclass(frozen=True)
class Template(Tagged):
    """A Jinja2 template with its variables. `source` is the whole text, `name` its path in the project for messages."""

    name: str
    source: str
    vars: Mapping[str, Json]
    tag: ClassVar[str] = "template"

    def form(self) -> dict[str, Json]:
        return {"name": self.name, "source": self.source, "vars": dict(self.vars)}

    def __hash__(self) -> int:
        return hash((self.name, self.source))


EXPRESSIONS = (Ref, Fact, Text, Template)
DEFERRED = (*EXPRESSIONS, Secret)
"""What schema validation must let pass, since the value is not there yet."""

IR_TAGS: Mapping[str, Constructor] = {**CONTRACT_TAGS, **{cls.tag: cls for cls in EXPRESSIONS}}
"""Tag → constructor for every tagged value that may stand in IR and plan."""


def secret(name: str, version: str) -> Secret:
    """A reference to a declared secret, as a whole value."""
    return Secret({"secret": name, "version": version})


def join(parts: Sequence[Json]) -> Json:
    """Text made of `parts` (text, expressions, secrets): plain where all are, a Secret where the rest are secrets whose
    origin is then `{"text": [literal or origin, ...]}`, else a Text that waits for its expressions.

    Texts within are taken apart, and neighbouring literals become one.
    """
    flat: list[Json] = []
    for part in parts:
        for piece in part.parts if isinstance(part, Text) else (part,):
            _append(flat, piece)
    if not any(isinstance(part, EXPRESSIONS) for part in flat):
        if all(type(part) is str for part in flat):
            return "".join(flat)
        return Secret({"text": _origins(flat)})
    return Text(tuple(flat))


def _origins(parts: Sequence[Json]) -> list[Json]:
    found: list[Json] = []
    for part in parts:
        origin = part.origin if isinstance(part, Secret) else part
        for piece in origin["text"] if type(origin) is dict and "text" in origin else (origin,):
            _append(found, piece)
    return found


def _append(parts: list[Json], piece: Json) -> None:
    if piece == "":
        return
    if parts and type(piece) is str and type(parts[-1]) is str:
        parts[-1] += piece
    else:
        parts.append(piece)
