"""Manifests of providers → shapes of their kinds and configurations.

A manifest's schema is a small part of JSON Schema (docs/protocol/v1.md, section 3); a word that is not known
here admits more, never less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aivp_contract.manifest import Kind, Manifest
from aivp_contract.values import Json

from aivp.schema.shape import (
    Anything,
    Conflict,
    Either,
    Flag,
    ListOf,
    Literal,
    Map,
    Number,
    Shape,
    Snippet,
    Text,
    optional,
)

MOST_NOTE = 2000
"""Characters of a description: a stranger's manifest may hold a book."""


def fields_of(kind: Kind) -> dict[str, Shape]:
    """What people may declare of a kind: each field may be null, which leaves it out."""
    properties: Mapping[str, Any] = kind.schema["properties"]
    never = kind.computed.union(*(rule.forbidden for rule in kind.rules if not rule.when))
    return {name: optional(value_shape(item)) for name, item in sorted(properties.items()) if name not in never}


def apart_of(kind: Kind) -> tuple[tuple[str, ...], ...]:
    """Fields of which only one can be declared."""
    return tuple(rule.at_most_one for rule in kind.rules if rule.at_most_one and not rule.when)


def conflicts_of(kind: Kind) -> tuple[Conflict, ...]:
    """What a declared field with certain values forbids."""
    found = []
    for rule in kind.rules:
        forbidden = tuple(name for name in rule.forbidden if name in kind.fields and not kind.fields[name].computed)
        if rule.when and forbidden:
            found.append(Conflict(rule.when, forbidden))
    return tuple(found)


def snippet_of(kind: Kind) -> Snippet:
    """A resource of that kind, with the fields that one cannot do without."""
    wanted = dict.fromkeys(name for name in kind.schema.get("required", ()) if name in kind.fields)
    if kind.identity_from_name:
        wanted.pop(kind.identity[0], None)
    for rule in kind.rules:
        if rule.at_least_one and not rule.when:
            wanted[rule.at_least_one[0]] = None
    properties: Mapping[str, Any] = kind.schema["properties"]
    names = [name for name in wanted if not kind.fields[name].computed]
    body = {name: _blank(properties[name], number) for number, name in enumerate(names, 2)}
    key = f"{kind.name}.${{1:{kind.name.rpartition('/')[2]}}}"
    return Snippet(f"{kind.name}.NAME", _note(kind.description), {key: body or "{$2}"})


def _blank(schema: Mapping[str, Any], number: int) -> Json:
    """A place to fill in, with something of the right type in it."""
    if schema.get("type") == "array":
        return [f"${{{number}:value}}"]
    if refers := schema.get("x-aivp", {}).get("refers"):
        return f"\\${{{refers['kind']}.${{{number}:name}}\\}}"
    example = next(iter(schema.get("examples") or ()), schema.get("default"))
    text = example if type(example) is str and "$" not in example and "}" not in example else ""
    return f"${{{number}:{text}}}"


def configuration_of(manifest: Manifest) -> Map | None:
    """What a provider is started with; None where it takes nothing."""
    if manifest.configuration is None:
        return None
    found = value_shape(manifest.configuration)
    assert isinstance(found, Map)
    members = {
        name: item if name in found.required else optional(item)  # null leaves a member out
        for name, item in found.members.items()
    }
    return replace(found, members=members, can_refer=False)


def value_shape(schema: Mapping[str, Any]) -> Shape:
    """What a schema of a manifest admits, with references for any part of it."""
    note = _note(" ".join((str(schema.get("description", "")), *_taken(schema))).strip())
    if "enum" in schema or "const" in schema:
        return Literal(tuple(schema["enum"] if "enum" in schema else [schema["const"]]), note=note, can_refer=True)
    if "anyOf" in schema and "type" not in schema:
        return Either(tuple(value_shape(item) for item in schema["anyOf"]), note=note, can_refer=True)
    named = schema.get("type", [])
    types = [named] if isinstance(named, str) else [*named]
    found = [_typed(name, schema, note) for name in types if name != "null"]
    shape: Shape = found[0] if len(found) == 1 else Either(tuple(found), note=note) if found else Anything(note=note)
    return replace(shape, can_refer=True, is_optional="null" in types)


def _taken(schema: Mapping[str, Any]) -> list[str]:
    """Which whole resources a field takes."""
    refers = schema.get("x-aivp", {}).get("refers")
    return [f"A reference to a resource: ${{{refers['kind']}.NAME}}."] if refers else []


def _typed(name: str, schema: Mapping[str, Any], note: str) -> Shape:
    match name:
        case "string":
            is_path = schema.get("x-aivp", {}).get("semantic") == "path"
            pattern = schema.get("pattern", "^/" if is_path else "")  # a path on a host is absolute
            return Text(pattern, schema.get("minLength", 0), schema.get("maxLength"), note=note)
        case "integer" | "number":
            return Number(name == "integer", schema.get("minimum"), schema.get("maximum"), note=note)
        case "boolean":
            return Flag(note=note)
        case "array":
            item = value_shape(schema["items"]) if "items" in schema else Anything()
            return ListOf(item, schema.get("minItems", 0), schema.get("maxItems"), note=note)
        case "object":
            return _object(schema, note)
        case _:
            return Anything(note=note)


def _object(schema: Mapping[str, Any], note: str) -> Map:
    members = {
        name: value_shape(item)
        for name, item in sorted(schema.get("properties", {}).items())
        if not item.get("x-aivp", {}).get("computed")
    }
    rest = schema.get("additionalProperties", True)
    others = None if rest is False else Anything() if rest is True else value_shape(rest)
    required = tuple(sorted(name for name in schema.get("required", ()) if name in members))
    return Map(members, required, others=others, note=note)


def _note(text: str) -> str:
    return text if len(text) <= MOST_NOTE else text[:MOST_NOTE] + "…"
