"""The published schemas describe what the commands really write, and nothing that they do not."""

from __future__ import annotations

import json

import jsonschema
import pytest

from tests import schemas

from .world import World

OPTIONAL = frozenset(
    "when lifecycle meta changes bounds waits_for notifies edges expected is_conditional is_deferred previous tainted"
    " normalised computed replace satisfied claims command alphabet prevent_destroy retain ignore_changes on_false"
    " on_host_destroy labels timeout retries on_interrupt path mend delay_ms".split()
)
"""Members that may be missing somewhere."""


@pytest.mark.parametrize("name", schemas.NAMES)
def test_they_are_schemas(name: str) -> None:
    """By the word of another implementation."""
    jsonschema.Draft202012Validator.check_schema(schemas.load(name))


@pytest.mark.xdist_group("determinism-1")
@pytest.mark.parametrize(("name", "artifact"), [("ir", "ir"), ("plan", "live"), ("evidence", "evidence")])
def test_real_artifacts_are_valid(world: World, name: str, artifact: str) -> None:
    document = json.loads(world.expected[artifact])
    schemas.check(name, document)
    accepted = [where for where, variant in schemas.broken(document, OPTIONAL) if not schemas.problems(name, variant)]
    assert accepted == []


@pytest.mark.parametrize(
    ("value", "is_admitted"),
    [
        ({"$aivp": "unknown"}, True),
        ({"$aivp": "unknown", "value": "x"}, False),
        ({"$aivp": "verdict", "matches": None}, True),
        ({"$aivp": "verdict", "matches": "yes"}, False),
        ({"$aivp": "secret", "origin": {"secret": "db", "version": "1"}}, True),
        ({"$aivp": "secret", "origin": {"secret": "db", "version": "1"}, "value": "hunter2"}, False),
        ({"$aivp": "secret", "origin": {"text": ["a", {"secret": "db", "version": "1"}]}}, True),
        ({"$aivp": "secret", "origin": "hunter2"}, False),
        ({"$aivp": "blob", "sha256": "0" * 64, "size": 1}, True),
        ({"$aivp": "blob", "sha256": "0" * 64}, False),
        ({"$aivp": "bytes", "base64": "AA=="}, True),
        ({"$aivp": "nobody"}, False),
        ({"$aivp": 7}, False),
        ({"plain": [1, None, {"deep": {"$aivp": "nobody"}}]}, False),
    ],
)
def test_tagged_values_are_closed(value: object, is_admitted: bool) -> None:
    step = {"id": "a", "address": "a", "kind": "a", "host": "h", "action": "create", "reason": "", "batch": 0}
    step |= {"severity": "none", "provenance": "created", "identity": {}, "config": {"field": value}}
    line = {"aivp": 1, "type": "step", **step}
    assert (schemas.problems("events", line) == []) is is_admitted
