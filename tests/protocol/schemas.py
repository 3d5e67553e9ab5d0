"""The published schemas of the protocol, as validators; references between them resolve, nothing else does."""

import functools
import json
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER = Path(__file__).parents[2] / "schemas/protocol/v1"


@functools.cache
def validator(name: str, definition: str = "") -> Draft202012Validator:
    """Of a whole schema, or of one of its definitions."""
    documents = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}
    for document in documents.values():
        Draft202012Validator.check_schema(document)
    registry = Registry().with_resources((d["$id"], Resource.from_contents(d)) for d in documents.values())
    place = f"#/$defs/{definition}" if definition else ""
    return Draft202012Validator({"$ref": documents[name]["$id"] + place}, registry=registry)
