"""The published schemas, loaded together, and what commands print and write held against them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

FOLDER = Path(__file__).parents[1] / "schemas"
NAMES = ("events", "evidence", "ir", "plan")


def load(name: str) -> dict[str, Any]:
    """Version 1 of a schema as it is published."""
    found: dict[str, Any] = json.loads((FOLDER / name / "v1.json").read_text(encoding="utf-8"))
    return found


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """Schemas refer to each other by their `$id`, so they are given together."""
    registry = jsonschema_rs.Registry([(item["$id"], item) for item in map(load, NAMES)])
    return jsonschema_rs.Draft202012Validator(load(name), registry=registry)


def problems(name: str, document: Any) -> list[str]:
    """What is wrong with a document, where."""
    return [f"{list(error.instance_path)}: {error.message[:500]}" for error in validator(name).iter_errors(document)]


def check(name: str, document: Any) -> None:
    """Fail unless a document is as its schema says."""
    assert problems(name, document) == [], (name, document)


def check_lines(words: Sequence[str], output: str | bytes) -> list[dict[str, Any]]:
    """What `aivp WORDS` printed: with --json, lines of the schema and nothing else; what they hold comes back.

    Every harness of the tests hands the output of its commands in here.
    """
    if "--json" not in words:
        return []
    text = output if isinstance(output, str) else output.decode()
    found = []
    for line in text.splitlines():
        assert line.isascii(), line
        item = json.loads(line)
        assert line.startswith(f'{{"aivp":1,"type":"{item["type"]}"'), line
        check("events", item)
        found.append(item)
    return found


def check_artifact(words: Sequence[str], folder: Path) -> None:
    """The file that `aivp WORDS -o FILE` wrote; `discover` writes one for people."""
    if words[0] == "discover":
        return
    written = json.loads((folder / words[words.index("-o") + 1]).read_text(encoding="utf-8"))
    check({"compile": "ir", "plan": "plan", "observe": "evidence"}[words[0]], written)


OPEN = frozenset(
    (
        "attributes config identity outputs observed normalised computed before after value written facts schema vars"
    ).split()
)
"""Members that hold what kinds, hosts and people say: any keys, any values."""

MAPS = frozenset("hosts resources seen manifests moved secrets left_out blocked providers labels counts".split())
"""Members with any keys, whose values have a form."""


def broken(document: Any, optional: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Variants of a document that are wrong in one place, with the place: a member gone, one too many, another type."""
    for path, value in _places(document, ()):
        if isinstance(value, dict):
            yield f"{path}: one more", _with(document, path, {**value, "Surplus": {"$aivp": "nothing"}})
            for name in value.keys() - optional if not MAPS.intersection(path[-1:]) else ():
                rest = {key: item for key, item in value.items() if key != name}
                yield f"{path}: without {name}", _with(document, path, rest)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        yield f"{path}: another type", _with(document, path, "text" if is_number else 7.5)


def _places(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if key not in OPEN:
            yield from _places(item, (*path, key))


def _with(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A copy of `document` that has `value` at `path`; what lies beside the path is shared."""
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = _with(copy[path[0]], path[1:], value)
    return copy
