"""What was discovered → a YAML document that declares it, and plans to nothing; or the same for machines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from aivp_contract.manifest import Kind
from aivp_contract.values import Json

from aivp.edit.names import is_its_name, name_all
from aivp.edit.yaml import dump, escaped
from aivp.model.discovered import Discovered


def document(kind: Kind, host: str, things: Sequence[Discovered], taken: Collection[str]) -> bytes:
    """`things` under `resources:`. `taken`: names of this kind's resources that the project has."""
    resources: dict[str, Json] = {}
    imports: list[Json] = []
    notes: dict[tuple[str, str], str] = {}
    for thing, name in zip(things, name_all(kind, things, taken), strict=True):
        address = f"{kind.name}.{name}"
        resources[address] = {"host": host, **fields(kind, thing, name)}
        if any(kind.fields[part].computed for part in kind.identity):
            imports.append({"address": address, "identity": escaped(dict(thing.identity))})
        if thing.note:
            notes["resources", address] = thing.note
    found: dict[str, Json] = {"resources": resources}
    head = f"What exists of {kind.name} on {host}, as aivp discover found it."
    return dump({**found, "import": imports} if imports else found, head, notes)


def lines(kind: Kind, host: str, things: Sequence[Discovered], taken: Collection[str]) -> Iterator[dict[str, Json]]:
    """One object for each of `things`: the values as they are, nothing escaped."""
    for thing, name in zip(things, name_all(kind, things, taken), strict=True):
        found: dict[str, Json] = {
            "kind": kind.name,
            "host": host,
            "name": name,
            "identity": dict(thing.identity),
            "attributes": dict(thing.attributes),
        }
        yield {**found, "note": thing.note} if thing.note else found


def fields(kind: Kind, thing: Discovered, name: str) -> dict[str, Json]:
    """What the declaration says: sorted, without what its name says already."""
    kept = {key: escaped(value) for key, value in thing.attributes.items() if value is not None}
    if is_its_name(kind, thing, name):
        kept.pop(kind.identity[0], None)
    return {key: kept[key] for key in sorted(kept)}
