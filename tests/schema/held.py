"""The language's own verdict on a document, and that of the schemas: what the tests hold against each other."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from aivp.compile import compile_project
from aivp.config.cue import find_cue
from aivp.config.load import read
from aivp.diagnostics import Diagnostic, Refused
from aivp.plugins import Registry
from aivp.schema.cue import cue_definitions
from aivp.schema.json_schema import json_schema
from aivp.schema.language import language

FORM = frozenset(
    "AIVP0122 AIVP0123 AIVP0124 AIVP0129 AIVP0140 AIVP0145 AIVP0211 AIVP0300 AIVP0301 AIVP0302 AIVP0303".split()
)
"""Codes of mistakes that stand in the form of one document, whatever else is declared."""

ACME = {
    "manifest": 1,
    "name": "acme",
    "version": "1.0",
    "configuration": {
        "type": "object",
        "additionalProperties": False,
        "required": ["url"],
        "properties": {
            "url": {"type": "string", "description": "Where it is.", "pattern": "^http"},
            "token": {"type": "string", "x-aivp": {"sensitive": True}},
            "depth": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"level": {"type": "integer", "minimum": 0, "maximum": 9}},
            },
        },
    },
    "kinds": {
        "acme/note": {
            "description": 'A note: "quoted" \\ and\nmore.',
            "placement": "controller",
            "identity": ["id"],
            "rules": [{"when": {"mood": ["sad"]}, "forbidden": ["size"]}, {"at_most_one": ["size", "weight"]}],
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "required": ["title"],
                "properties": {
                    "id": {"type": "string", "x-aivp": {"computed": True}},
                    "title": {"type": "string", "minLength": 1, "maxLength": 12},
                    "size": {"type": ["integer", "string"], "x-aivp": {"semantic": "quantity"}},
                    "weight": {"type": "number", "minimum": 0.5},
                    "mood": {"enum": ["happy", "sad", 7, True]},
                    "parts": {
                        "type": "array",
                        "maxItems": 3,
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["name"],
                            "properties": {"name": {"type": "string"}, "level": {"type": "integer"}},
                        },
                    },
                    "any": {"description": "Anything."},
                    "either": {
                        "anyOf": [{"const": "auto"}, {"type": "object", "additionalProperties": {"type": "integer"}}]
                    },
                },
            },
        }
    },
}


@cache
def registry() -> Registry:
    """The providers that come with aivp, and one of a third party."""
    host = Registry.discover().providers["host"].document
    return Registry.of([host, ACME])


@cache
def schema() -> dict[str, Any]:
    return json_schema(language(registry().manifests))


@cache
def validator(name: str) -> jsonschema_rs.Draft7Validator:
    return jsonschema_rs.Draft7Validator(
        {
            **schema(),
            "properties": {},
            "dependencies": {},
            "additionalProperties": True,
            "allOf": [{"$ref": f"#/definitions/{name}"}],
        }
    )


def objections(name: str, document: Any) -> list[str]:
    """Where and why the JSON Schema refuses a document; name: `root` or `document`."""
    return [f"{error.instance_path}: {error.message[:300]}" for error in validator(name).iter_errors(document)]


def mistakes(root: Path, environment: str | None = None) -> list[Diagnostic]:
    """What `aivp validate` would tell of the project at `root`."""
    try:
        project = read(root, environment=environment)
        compile_project(project, registry())
    except Refused as refused:
        return [item for item in refused.diagnostics if item.severity == "error"]
    return []


def refused_by_cue(documents: Mapping[str, tuple[str, Any]], folder: Path) -> set[str]:
    """Names of the documents that the CUE definitions refuse. documents: name → (`root` or `document`, value)."""
    of = {"root": "#Project", "document": "#Document"}
    (folder / "aivp.cue").write_text(cue_definitions(language(registry().manifests), "held"), "utf-8")
    texts = [f"{name}: {of[kind]} & {json.dumps(value)}\n" for name, (kind, value) in documents.items()]
    (folder / "documents.cue").write_text("package held\n\n" + "".join(texts), "utf-8")
    command = [find_cue(None).path, "vet", "-c", "-E", "aivp.cue", "documents.cue"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = {match[1] for match in re.finditer(r"(?m)^([a-z][a-z0-9]*)(?=[.:])", done.stderr)}
    assert found <= documents.keys(), done.stderr[:3000]
    assert (done.returncode == 0) == (not found), done.stderr[:3000]
    return found


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a document, the document's own first."""
    items: Sequence[tuple[str | int, Any]] = (
        [*value.items()] if isinstance(value, dict) else [*enumerate(value)] if isinstance(value, list) else []
    )
    return [path, *(found for key, item in items for found in places(item, (*path, key)))]


def at(value: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        value = value[step]
    return value


def changed(document: Any, path: Sequence[str | int], value: Any) -> Any:
    """A copy with another value at `path`; the place itself is gone where that is `GONE`."""
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    if len(path) == 1 and value is GONE:
        del copy[path[0]]
    else:
        copy[path[0]] = changed(copy[path[0]] if len(path) > 1 else None, path[1:], value)
    return copy


GONE = object()
