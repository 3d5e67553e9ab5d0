"""The published schemas as validators. The files are copies of schemas/protocol/v1, held equal by a test."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

NAMES = ("cases", "manifest", "messages", "values")


@functools.cache
def validator(name: str, definition: str = "") -> Draft202012Validator:
    """Of a whole schema, or of one of its definitions."""
    documents = {name: json.loads((resources.files(__name__) / f"{name}.json").read_bytes()) for name in NAMES}
    registry: Registry[Any] = Registry().with_resources(
        (document["$id"], Resource.from_contents(document)) for document in documents.values()
    )
    place = f"#/$defs/{definition}" if definition else ""
    return Draft202012Validator({"$ref": documents[name]["$id"] + place}, registry=registry)


def complaint(validator: Draft202012Validator, value: Any) -> str | None:
    """What a value breaks of a schema, at the place where it matters most; None if nothing."""
    from jsonschema.exceptions import best_match

    if validator.is_valid(value):
        return None
    error = best_match(validator.iter_errors(value))
    place = "/".join(str(part) for part in error.absolute_path)
    return f"/{place}: {error.message[:300]}"
