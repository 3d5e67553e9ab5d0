"""Shapes → JSON Schema, draft 7: what yaml-language-server, and most editors, understand in full.

`defaultSnippets`, `errorMessage` and `doNotSuggest` are words of yaml-language-server; other readers pass over them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, assert_never

from aivp_contract.values import Json

from aivp.schema.shape import (
    Anything,
    Conflict,
    Described,
    Either,
    Flag,
    Language,
    ListOf,
    Literal,
    Map,
    Named,
    Number,
    Shape,
    Text,
)

Schema = dict[str, Any]

ID = "urn:aivp:schema:language:v1"
WHOLE = r"^\$\{.+\}$"
"""A reference that stands for a whole value."""

_REFERENCE = r"\$\{"
_NULL: Schema = {"type": "null"}


def json_schema(language: Language) -> Schema:
    """The schema of a project's documents. It admits the root document and every other; a word that only the root may
    hold asks for `aivp` and `project` beside it. `#/definitions/root` and `#/definitions/document` tell them apart.
    """
    root = language.shapes[language.root]
    assert isinstance(root, Map)
    document = language.shapes[language.document]
    assert isinstance(document, Map)
    own = sorted(root.members.keys() - document.members.keys())
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ID,
        "description": "A document of an aivp project: the language and the kinds of the providers installed here.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {name: emit(item) for name, item in root.members.items()},
        "dependencies": {name: [item for item in root.required if item != name] for name in own},
        "definitions": {name: emit(item) for name, item in sorted(language.shapes.items())},
    }


def emit(shape: Shape) -> Schema:
    """One shape."""
    match shape:
        case Anything():
            found: Schema = {}
        case Flag():
            found = _open(shape, {"type": "boolean"})
        case Number():
            found = _open(shape, _given("integer" if shape.is_whole else "number", shape.minimum, shape.maximum))
        case Literal():
            found = _literal(shape)
        case Text():
            found = _text(shape)
        case ListOf():
            found = {"type": "array", "items": emit(shape.item)}
            found |= _bounds(minItems=shape.least or None, maxItems=shape.most)
            found = _open(shape, found)
        case Map():
            found = _open(shape, _map(shape))
        case Either():
            found = _any(shape, [emit(item) for item in shape.options])
        case Named():
            found = {"$ref": f"#/definitions/{shape.name}"}
            return _any(shape, [found]) if shape.is_optional or shape.can_refer else found
        case _:
            assert_never(shape)
    return {"description": shape.note, **found} if shape.note else found


def _given(name: str, least: float | None, most: float | None) -> Schema:
    return {"type": name, **_bounds(minimum=least, maximum=most)}


def _bounds(**words: Json) -> Schema:
    return {name: item for name, item in words.items() if item is not None}


def _open(shape: Described, found: Schema) -> Schema:
    """References and null beside a type: `pattern` only looks at texts, other words only at theirs."""
    types = [found["type"]]
    if shape.can_refer:
        types.append("string")
        found = {**found, "pattern": WHOLE}
    if shape.is_optional:
        types.append("null")
    return {**found, "type": types if len(types) > 1 else types[0]}


def _literal(shape: Literal) -> Schema:
    values = [*shape.values, *([None] if shape.is_optional and None not in shape.values else [])]
    if not shape.can_refer:
        return {"enum": values}
    return {"anyOf": [{"enum": values}, {"type": "string", "pattern": WHOLE}]}


def _text(shape: Text) -> Schema:
    found: Schema = {"type": ["string", "null"] if shape.is_optional else "string"}
    found |= _bounds(minLength=shape.least or None, maxLength=shape.most)
    if not shape.can_refer:
        return {**found, "pattern": shape.pattern} if shape.pattern else found
    if shape.most is not None or shape.least > len("${x}"):
        return {"anyOf": [{**found, "pattern": shape.pattern}, {"type": "string", "pattern": _REFERENCE}]}
    return {**found, "pattern": f"(?:{shape.pattern})|{_REFERENCE}"} if shape.pattern else found


def _any(shape: Described, options: list[Schema]) -> Schema:
    if shape.can_refer:
        options.append({"type": "string", "pattern": WHOLE})
    if shape.is_optional:
        options.append(_NULL)
    return {"anyOf": options}


def _map(shape: Map) -> Schema:
    found: Schema = {"type": "object"}
    if shape.members:
        found["properties"] = {name: emit(item) for name, item in shape.members.items()}
    if shape.required:
        found["required"] = list(shape.required)
    if shape.rest:
        found["patternProperties"] = {f"^(?:{pattern})$": emit(item) for pattern, item in shape.rest.items()}
    found["additionalProperties"] = False if shape.others is None else emit(shape.others)
    if shape.snippets:
        found["defaultSnippets"] = [
            {"label": item.label, "description": item.note, "body": item.body} for item in shape.snippets
        ]
    rules = [*_apart(shape), *(_conflict(item) for item in shape.conflicts)]
    return {**found, "allOf": rules} if rules else found


def _apart(shape: Map) -> Iterator[Schema]:
    pairs = dict.fromkeys(pair for names in shape.apart for pair in combinations(names, 2))
    for first, second in pairs:
        yield _unless([_there(first, _NULL)], {second: f"{second} and {first} do not go together."})


def _conflict(item: Conflict) -> Schema:
    conditions = [_there(name, {"not": {"enum": list(values)}}) for name, values in sorted(item.when.items())]
    said = " and ".join(f"{name}: {_or(values)}" for name, values in sorted(item.when.items()))
    return _unless(conditions, {name: f"{name} does not go together with {said}." for name in item.fields})


def _there(name: str, other: Schema) -> Schema:
    """The member is there, and not `other`. Not with `required`: an editor would offer to write it."""
    return {"not": {"properties": {name: other}}}


def _unless(conditions: list[Schema], messages: Mapping[str, str]) -> Schema:
    refused = {name: {**_NULL, "errorMessage": text, "doNotSuggest": True} for name, text in messages.items()}
    return {"if": conditions[0] if len(conditions) == 1 else {"allOf": conditions}, "then": {"properties": refused}}


def _or(values: tuple[Json, ...]) -> str:
    return " or ".join("true" if item is True else "false" if item is False else str(item) for item in values)
