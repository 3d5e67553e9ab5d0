"""What a resource must leave alone, since others declare it: a purged folder keeps what stands beneath it elsewhere.

A provider sees one declaration at a time; the manifest's word `beneath` asks for the values of a capability that other
resources of the same host provide below this one's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aivp_contract.diff import declares_absence
from aivp_contract.manifest import Beneath, Kind
from aivp_contract.values import Json

from aivp.compile.instance import Instance
from aivp.model.resource import Resource


def fill_beneath(instances: Mapping[str, Instance], resources: Mapping[str, Resource]) -> dict[str, Resource]:
    """The resources, with such fields filled in beside what their author wrote there."""
    found = dict(resources)
    for address, resource in resources.items():
        kind = instances[address].declaration.kind
        for name, field in kind.fields.items():
            if field.beneath is not None and _applies(field.beneath, resource):
                own = _values(kind, field.beneath, resource)
                others = _others(field.beneath, own, address, resource.host, instances, resources)
                written = resource.attributes.get(name) or []
                if others and type(written) is list:
                    attributes = {**found[address].attributes, name: sorted({*written, *others})}
                    found[address] = replace(found[address], attributes=attributes)
    return found


def _applies(beneath: Beneath, resource: Resource) -> bool:
    return all(resource.attributes.get(name) == value for name, value in beneath.when.items())


def _others(
    beneath: Beneath,
    above: list[str],
    address: str,
    host: str,
    instances: Mapping[str, Instance],
    resources: Mapping[str, Resource],
) -> list[str]:
    prefixes = tuple(f"{value.rstrip('/')}/" for value in above)
    return [
        value
        for other, resource in resources.items()
        if other != address and resource.host == host and not declares_absence(resource.attributes)
        for value in _values(instances[other].declaration.kind, beneath, resource)
        if prefixes and value.startswith(prefixes)
    ]


def _values(kind: Kind, beneath: Beneath, resource: Resource) -> list[str]:
    fields = [item.field for item in kind.provides if item.name == beneath.capability]
    values: list[Json] = [resource.attributes.get(name) for name in fields]
    return [value for value in values if type(value) is str]
