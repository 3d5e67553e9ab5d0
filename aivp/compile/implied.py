"""Edges that nobody writes: a file waits for its folder, a service for its package, as the manifests say."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from aivp_contract.diff import declares_absence
from aivp_contract.manifest import Capability
from aivp_contract.values import Json

from aivp.compile.instance import Instance
from aivp.model.resource import Edge, Resource

_Providers = Mapping[tuple[str, str, str], list[str]]
"""(host, capability, value) → addresses of those who provide it."""


def implied(instances: Mapping[str, Instance], resources: Mapping[str, Resource]) -> list[Edge]:
    """The implied edges among resources of one host, sorted, never from one to itself.

    Between two that both declare absence the order is reversed: what was put up last goes first.
    """
    providers = _providers(instances, resources)
    if not providers:
        return []
    found: set[tuple[str, str]] = set()
    for address, resource in resources.items():
        for capability in instances[address].declaration.kind.requires:
            for value in _values(resource.attributes.get(capability.field)):
                for other in _match(providers, resource.host, capability, value, address):
                    is_reversed = declares_absence(resource.attributes) and declares_absence(
                        resources[other].attributes
                    )
                    found.add((address, other) if is_reversed else (other, address))
    return [Edge(before, after, "implied") for before, after in sorted(found)]


def _providers(instances: Mapping[str, Instance], resources: Mapping[str, Resource]) -> _Providers:
    found: dict[tuple[str, str, str], list[str]] = {}
    wanted = {item.name for instance in instances.values() for item in instance.declaration.kind.requires}
    for address, resource in resources.items():
        for capability in instances[address].declaration.kind.provides:
            if capability.name in wanted:
                for value in _values(resource.attributes.get(capability.field)):
                    found.setdefault((resource.host, capability.name, value), []).append(address)
    return found


def _match(providers: _Providers, host: str, wanted: Capability, value: str, address: str) -> list[str]:
    """Who provides `value`; with `parents`, the nearest folder above it that anybody else provides."""
    for candidate in _upwards(value) if wanted.parents else (value,):
        if others := [item for item in providers.get((host, wanted.name, candidate), ()) if item != address]:
            return others
    return []


def _upwards(path: str) -> Iterator[str]:
    yield path
    while path not in ("/", ""):
        path = posixpath.dirname(path)
        yield path


def _values(value: Json) -> list[str]:
    if type(value) is str:
        return [value]
    return [item for item in value if type(item) is str] if type(value) is list else []
