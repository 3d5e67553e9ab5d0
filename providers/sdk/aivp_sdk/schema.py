"""Dataclasses as schemas: `attribute()` declares a field, `json_schema()` writes what the manifest publishes of it."""

from __future__ import annotations

import dataclasses
import functools
import typing
from typing import Any, Dict, Iterable, List, Mapping, Optional, Type, Union

from aivp_contract.canonical import encode
from aivp_contract.values import Json

_REQUIRED = "aivp.required"
_SCHEMA = "aivp.schema"
_WORDS = "aivp.words"


def attribute(
    doc: str,
    *,
    default: Any = None,
    required: bool = False,
    pattern: Optional[str] = None,
    minimum: Optional[int] = None,
    maximum: Optional[int] = None,
    min_items: Optional[int] = None,
    examples: Iterable[Json] = (),
    **words: Json,
) -> Any:
    """A field of a kind: `doc` for people, JSON Schema bounds, and the words of the manifest (`immutable=True`, …).

    A field without `default` that is not declared is None in the dataclass: not managed.
    """
    bounds = {"pattern": pattern, "minimum": minimum, "maximum": maximum, "minItems": min_items}
    schema: Dict[str, Json] = {"description": doc, **{k: v for k, v in bounds.items() if v is not None}}
    if examples:
        schema["examples"] = list(examples)
    if default is not None:
        schema["default"] = default
    metadata = {_REQUIRED: required, _SCHEMA: schema, _WORDS: words}
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def json_schema(cls: Type[Any]) -> Dict[str, Json]:
    """The closed object schema of a dataclass whose fields were made by `attribute`."""
    hints = typing.get_type_hints(cls)
    properties: Dict[str, Json] = {}
    required: List[str] = []
    for item in dataclasses.fields(cls):
        words = item.metadata[_WORDS]
        schema = {**_type_schema(hints[item.name], words), **item.metadata[_SCHEMA]}
        if words:
            schema["x-aivp"] = dict(words)
        properties[item.name] = schema
        if item.metadata[_REQUIRED]:
            required.append(item.name)
    found: Dict[str, Json] = {"type": "object", "additionalProperties": False, "properties": properties}
    if required:
        found["required"] = sorted(required)
    return found


def load(cls: Type[Any], attributes: Mapping[str, Json]) -> Any:
    """`attributes` as an instance of the dataclass; nested dataclasses too. Raises TypeError on unknown names."""
    nested = _nested(typing.cast(Any, cls))
    if not nested:
        return cls(**attributes)
    return cls(
        **{name: _load_value(nested[name], value) if name in nested else value for name, value in attributes.items()}
    )


@functools.lru_cache(maxsize=None)
def _nested(cls: Any) -> Dict[str, Any]:
    """The fields of a dataclass whose values may hold dataclasses: all others are taken as they come."""
    hints = {name: _without_none(hint) for name, hint in typing.get_type_hints(cls).items()}
    return {
        name: hint for name, hint in hints.items() if dataclasses.is_dataclass(hint) or typing.get_origin(hint) is list
    }


def _load_value(hint: Any, value: Json) -> Any:
    hint = _without_none(hint)
    if type(value) is dict and dataclasses.is_dataclass(hint):
        return load(typing.cast(Type[Any], hint), value)
    if type(value) is list and typing.get_origin(hint) is list:
        (inner,) = typing.get_args(hint)
        return [_load_value(inner, item) for item in value]
    return value


def _type_schema(hint: Any, words: Mapping[str, Json]) -> Dict[str, Json]:
    hint = _without_none(hint)
    if words.get("semantic") in ("quantity", "duration"):
        return {"type": ["integer", "string"]}
    if hint is Any:
        return {}
    for python, name in ((str, "string"), (bool, "boolean"), (int, "integer")):
        if hint is python:
            return {"type": name}
    if dataclasses.is_dataclass(hint):
        return json_schema(typing.cast(Type[Any], hint))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _type_schema(arguments[0], {})}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type_schema(arguments[1], {})}
    if origin is Union:
        # In an order of our own: `Union[int, str]` may come back from a cache of typing's as `Union[str, int]`.
        return {"anyOf": sorted((_type_schema(option, {}) for option in arguments), key=encode)}
    raise TypeError(f"{hint} has no JSON Schema; use str, int, bool, Literal, List, Dict, Optional[…] or a dataclass")


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) is Union:
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        return options[0] if len(options) == 1 else Union[tuple(options)]
    return hint
