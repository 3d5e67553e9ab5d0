"""A schema's objection → a sentence that a person can act on, at the right place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aivp_contract.canonical import NotCanonical, encode
from aivp_contract.values import Json

from aivp.plugins.suggestion import did_you_mean, listing

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One objection: `path` into the attributes, `message` a sentence, `mend` what helps; `unknown`: no such field."""

    path: tuple[str | int, ...]
    message: str
    mend: str = ""
    is_unknown_field: bool = False


def word(error: Any, schema: Mapping[str, Json]) -> Iterator[Violation]:
    """The violations that one `jsonschema_rs.ValidationError` stands for."""
    path = tuple(error.instance_path)
    match error.kind.name:
        case "additionalProperties" | "unevaluatedProperties":
            known = _node(schema, tuple(error.schema_path)[:-1]).get("properties", {})
            yield from (_unknown_field((*path, name), name, known) for name in error.kind.unexpected)
        case "required":
            yield Violation(path, f"{error.kind.property} is missing.")
        case "anyOf" | "oneOf" if type(error.kind).__name__ != "OneOfMultipleValid":
            yield from _alternatives(path, error, schema)
        case "enum":
            yield _not_among(path, error.instance, error.kind.options)
        case name:
            yield Violation(path, _SENTENCES.get(name, _other)(error))


def _unknown_field(path: tuple[str | int, ...], name: str, known: Mapping[str, Json]) -> Violation:
    declarable = [key for key, item in known.items() if not item.get("x-aivp", {}).get("computed")]
    mend = did_you_mean(name, declarable) or (f"Known fields: {listing(declarable, 30)}." if declarable else "")
    return Violation(path, f"{name[:80]} is no known field here.", mend, is_unknown_field=True)


def _not_among(path: tuple[str | int, ...], value: Json, options: Sequence[Json]) -> Violation:
    known = [item if type(item) is str else show(item) for item in options]
    mend = did_you_mean(value, known) if type(value) is str else ""
    return Violation(path, f"expected {_or([show(item) for item in options])}, found {show(value)}.", mend)


def _alternatives(path: tuple[str | int, ...], error: Any, schema: Mapping[str, Json]) -> Iterator[Violation]:
    """Of several admitted forms, the one whose type fits says what is wrong; where none does, all types are named."""
    branches: list[list[Any]] = error.kind.context
    fitting = [errors for errors in branches if not any(_is_type_at(item, path) for item in errors)]
    if len(fitting) == 1:
        for item in fitting[0]:
            yield from word(item, schema)
    elif not fitting:
        types = [name for errors in branches for item in errors if _is_type_at(item, path) for name in item.kind.types]
        yield Violation(path, _expected(dict.fromkeys(types), error.instance))
    else:
        reasons = [next(word(errors[0], schema)).message for errors in fitting if errors]
        yield Violation(path, "fits none of the admitted forms: " + " Or: ".join(dict.fromkeys(reasons)))


def _is_type_at(error: Any, path: tuple[str | int, ...]) -> bool:
    return error.kind.name == "type" and tuple(error.instance_path) == path


def _expected(types: Any, value: Json) -> str:
    known = [words for name, words in _TYPES.items() if name in types]
    return f"expected {_or(known)}, found {_describe(value)}."


_SENTENCES: Mapping[str, Callable[[Any], str]] = {
    "type": lambda e: _expected(e.kind.types, e.instance),
    "const": lambda e: f"expected {show(e.kind.expected_value)}, found {show(e.instance)}.",
    "pattern": lambda e: f"{show(e.instance)} does not match {e.kind.pattern}",
    "minimum": lambda e: f"{show(e.instance)} is less than {show(e.kind.limit)}.",
    "maximum": lambda e: f"{show(e.instance)} is more than {show(e.kind.limit)}.",
    "exclusiveMinimum": lambda e: f"{show(e.instance)} is not more than {show(e.kind.limit)}.",
    "exclusiveMaximum": lambda e: f"{show(e.instance)} is not less than {show(e.kind.limit)}.",
    "multipleOf": lambda e: f"{show(e.instance)} is no multiple of {show(e.kind.multiple_of)}.",
    "minLength": lambda e: f"{show(e.instance)} is too short: at least {_count(e.kind.limit, 'character')}.",
    "maxLength": lambda e: f"{show(e.instance)} is too long: at most {_count(e.kind.limit, 'character')}.",
    "minItems": lambda e: f"the list is too short: at least {_count(e.kind.limit, 'element')}.",
    "maxItems": lambda e: f"the list is too long: at most {_count(e.kind.limit, 'element')}.",
    "minProperties": lambda e: f"too few members: at least {e.kind.limit}.",
    "maxProperties": lambda e: f"too many members: at most {e.kind.limit}.",
    "uniqueItems": lambda _: "the list holds an element twice.",
    "format": lambda e: f"{show(e.instance)} is no {e.kind.format}.",
    "contains": lambda _: "the list lacks an element that it must hold.",
    "propertyNames": lambda e: f"a key is not admitted: {str(e.kind.error.message)[:120]}.",
    "not": lambda e: f"{show(e.instance)} is not admitted here.",
    "oneOf": lambda _: "fits more than one of the admitted forms, which exclude each other.",
    "falseSchema": lambda _: "nothing is admitted here.",
}


def _other(error: Any) -> str:
    return str(error.message)[:200]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def show(value: Json) -> str:
    """A value as a short piece of JSON for a message."""
    try:
        text = encode(value).decode()
    except NotCanonical:
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _describe(value: Json) -> str:
    match value:
        case None:
            return "nothing"
        case bool() | int() | float():
            return show(value)
        case str():
            return f"the text {show(value)}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _node(schema: Mapping[str, Json], path: Sequence[str | int]) -> Mapping[str, Json]:
    """The part of the schema at `path`; empty where it leads nowhere."""
    found: Any = schema
    for part in path:
        try:
            found = found[part]
        except (KeyError, IndexError, TypeError):
            return {}
    return found if isinstance(found, dict) else {}
