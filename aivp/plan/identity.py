"""Which real thing each resource means, as far as anybody knows before apply: what it declares, and where the provider
assigns ids, the one that state recorded for it, or else the one that an import names.
"""

from __future__ import annotations

from collections.abc import Mapping

from aivp_contract import canonical
from aivp_contract.manifest import Kind
from aivp_contract.values import Json, contains

from aivp.model.expression import EXPRESSIONS
from aivp.model.object import Object

Thing = tuple[str, str, str]
"""Kind, host and canonical identity: equal for what is the same real thing."""


def known_identity(
    kind: Kind, attributes: Mapping[str, Json], row: Object | None, imported: Mapping[str, Json] | None
) -> dict[str, Json]:
    """The identity of a declaration. `row`: the object at its address; `imported`: what an import binds it to."""
    declared = kind.identity_of(attributes)
    if not kind.assigned:
        return declared
    if row is not None and is_same(kind, row, declared):
        return {**declared, **row.identity}
    return {**declared, **({} if row is not None or imported is None else imported)}


def is_whole(kind: Kind, identity: Mapping[str, Json]) -> bool:
    """True where it names one real thing: no field of it that the provider assigns is missing, none unknown."""
    return identity.keys() >= kind.assigned and bool(identity) and not contains(dict(identity), EXPRESSIONS)


def is_same(kind: Kind, row: Object, declared: Mapping[str, Json]) -> bool:
    """True where a declaration with this identity may stand for the recorded object: what it says is as recorded."""
    return thing(kind, row.host, kind.declared_identity(row.identity)) == thing(
        kind, row.host, kind.declared_identity(declared)
    )


def thing(kind: Kind, host: str, identity: Mapping[str, Json]) -> Thing:
    """The key of a real thing."""
    return (kind.name, host, canonical.encode(dict(identity)).decode())
