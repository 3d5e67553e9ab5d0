"""The published schemas describe what the commands really write, and nothing that they do not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from .world import World

SCHEMAS = Path(__file__).parents[3] / "schemas"


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((SCHEMAS / name / "v1.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.xdist_group("determinism-1")
@pytest.mark.parametrize(("name", "artifact"), [("ir", "ir"), ("plan", "live"), ("evidence", "evidence")])
def test_real_artifacts_are_valid(world: World, name: str, artifact: str) -> None:
    document = json.loads(world.expected[artifact])
    check = validator(name)
    assert [error.message[:200] for error in check.iter_errors(document)] == []
    for mutant in _mutants(document):
        assert not check.is_valid(mutant)


def _mutants(document: Any) -> list[Any]:
    """Each top-level member missing, one too many, and a number where none may be."""
    found = [{name: value for name, value in document.items() if name != gone} for gone in document]
    return [*found, {**document, "more": 1}, {**copy.deepcopy(document), "project": 7}]
