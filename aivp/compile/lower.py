"""Valid attributes → their normal form with the schema's defaults, and the check that no two mean the same thing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from aivp_contract.canonical import encode
from aivp_contract.manifest import Field, Kind
from aivp_contract.normal import NotNormal, normal_value
from aivp_contract.values import Json, Tagged

from aivp.compile.fields import without_refused
from aivp.compile.instance import Instance
from aivp.diagnostics import Diagnostics, Related
from aivp.model.resource import Resource


def lower(
    instances: Mapping[str, Instance], attributes: Mapping[str, Mapping[str, Json]], diagnostics: Diagnostics
) -> dict[str, Resource]:
    """The resources of the IR, by address. Mistakes go to `diagnostics`."""
    normaliser = _Normaliser(diagnostics)
    resources = {
        address: _resource(instance, normaliser.attributes(instance, attributes[address]))
        for address, instance in instances.items()
    }
    _refuse_clashes(instances, resources, diagnostics)
    return resources


def check_forms(
    instances: Mapping[str, Instance],
    attributes: Mapping[str, Mapping[str, Json]],
    unfit: Collection[tuple[int, str]],
    diagnostics: Diagnostics,
) -> None:
    """Report fields without a normal form of instances that are not lowered, since something else is wrong with them.

    unfit: (id of a declaration, field) that do not even fit their schema.
    """
    normaliser = _Normaliser(diagnostics)
    for address, instance in instances.items():
        whose = id(instance.declaration)
        normaliser.work_out(
            instance, {name: item for name, item in attributes[address].items() if (whose, name) not in unfit}
        )


def _resource(instance: Instance, attributes: Mapping[str, Json]) -> Resource:
    return Resource(
        instance.address,
        instance.declaration.kind.name,
        instance.place,
        attributes,
        instance.when,
        instance.lifecycle,
        instance.meta,
    )


class _Normaliser:
    """Normal forms; attributes shared by several instances are worked out once and stay shared."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self._shared: dict[int, Mapping[str, Json]] = {}
        self._defaults: dict[str, dict[str, Json]] = {}
        self._meanings: dict[str, dict[str, Field]] = {}

    def attributes(self, instance: Instance, fields: Mapping[str, Json]) -> Mapping[str, Json]:
        found = self._shared.get(id(fields))
        if found is None:
            found = self._shared[id(fields)] = self.work_out(instance, fields)
        return found

    def work_out(self, instance: Instance, fields: Mapping[str, Json]) -> Mapping[str, Json]:
        """The normal forms of `fields`, with defaults; mistakes are reported."""
        kind = instance.declaration.kind
        defaults = self._defaults_of(kind)
        missing = {name: item for name, item in defaults.items() if name not in fields}
        if missing and kind.rules:
            missing = dict(without_refused(kind, fields, missing))
        found = {**fields, **missing}
        for name, meaning in self._meanings[kind.name].items():
            if name in found:
                found[name] = self._normal(instance, name, meaning, found[name])
        return found

    def _normal(self, instance: Instance, name: str, meaning: Field, value: Json) -> Json:
        try:
            return normal_value(meaning, with_defaults(meaning, value))
        except NotNormal as error:
            span = instance.declaration.span(name)
            self.diagnostics.error(
                "AIVP0302", f"{instance.address}.{name}: {error}.", span=span, address=instance.address
            )
            return value

    def _defaults_of(self, kind: Kind) -> dict[str, Json]:
        if kind.name not in self._defaults:
            known = {name: item.default for name, item in kind.fields.items() if item.default is not None}
            self._defaults[kind.name] = known
            self._meanings[kind.name] = {name: item for name, item in kind.fields.items() if _has_form(item)}
        return self._defaults[kind.name]


def _has_form(meaning: Field) -> bool:
    return bool(meaning.semantic or meaning.is_set or meaning.fields or (meaning.items and _has_form(meaning.items)))


def with_defaults(meaning: Field, value: Json) -> Json:
    """`value` with the defaults of the members of its objects, down through lists."""
    if type(value) is dict and meaning.fields:
        new: dict[str, Any] = {
            key: with_defaults(meaning.fields.get(key, Field()), item) for key, item in value.items()
        }
        for name, inner in meaning.fields.items():
            if inner.default is not None and name not in new:
                new[name] = inner.default
        return new
    if type(value) is list and meaning.items is not None:
        return [with_defaults(meaning.items, item) for item in value]
    return value


def _refuse_clashes(
    instances: Mapping[str, Instance], resources: Mapping[str, Resource], diagnostics: Diagnostics
) -> None:
    """One real thing is declared once. Where conditions or identities wait for evidence, bind looks again."""
    first: dict[tuple[object, ...], str] = {}
    for address, resource in resources.items():
        if resource.when is not None:
            continue
        kind = instances[address].declaration.kind
        values = [resource.attributes.get(name) for name in kind.identity]
        if kind.assigned or all(item is None for item in values) or any(isinstance(item, Tagged) for item in values):
            continue
        parts = (item if type(item) is str else encode(item) for item in values)
        other = first.setdefault((resource.host, resource.kind, *parts), address)
        if other != address:
            _report_clash(instances[address], instances[other], values, diagnostics)


def _report_clash(instance: Instance, other: Instance, values: list[Json], diagnostics: Diagnostics) -> None:
    kind = instance.declaration.kind
    named = ", ".join(f"{name} {item}" for name, item in zip(kind.identity, values, strict=True) if item is not None)
    why = f"{instance.address} and {other.address} are the same {kind.name}: {named}."
    related = [Related(other.declaration.span(), f"{other.address} is declared here")]
    span = instance.declaration.span()
    diagnostics.error("AIVP0222", why, "Declare it once.", span=span, address=instance.address, related=related)
