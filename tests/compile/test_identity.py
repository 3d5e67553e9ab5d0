"""What compile makes of identities that are declared in part, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from aivp.compile import compile_project
from aivp.diagnostics import Refused
from aivp.plugins import Registry

from .manifest import HOST_MANIFEST
from .projects import project

_TEXT = {"type": "string"}
_ID = {"type": "string", "x-aivp": {"computed": True}}
REGISTRY = Registry.of(
    [
        HOST_MANIFEST,
        {
            "manifest": 1,
            "name": "cloud",
            "version": "1",
            "kinds": {
                "cloud/vm": {
                    "schema": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"id": _ID, "size": _TEXT},
                    },
                    "identity": ["id"],
                },
                "cloud/record": {
                    "schema": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"name": _TEXT, "view": _TEXT},
                    },
                    "identity": ["name", "view"],
                },
            },
        },
    ]
)


def codes(**data: Any) -> list[str]:
    try:
        compile_project(project(data), REGISTRY)
    except Refused as refused:
        return [f"{item.code}: {item.why}" for item in refused.diagnostics]
    return []


def test_two_things_without_ids_are_two_things() -> None:
    assert codes(resources={"cloud/vm.a": {"size": "s"}, "cloud/vm.b": {"size": "s"}}) == []


def test_two_that_leave_the_same_part_out_are_one() -> None:
    same = {"cloud/record.a": {"name": "www"}, "cloud/record.b": {"name": "www"}}
    assert codes(resources=same) == [
        "AIVP0222: cloud/record.b@lab and cloud/record.a@lab are the same cloud/record: name www."
    ]
    assert codes(resources={**same, "cloud/record.b": {"name": "www", "view": "inner"}}) == []


@pytest.mark.parametrize(
    ("identity", "expected"),
    [("i-1", []), ({"id": "i-1"}, []), (7, ["AIVP0224: identity.id: expected text, found 7."]), ({"size": "s"}, None)],
)
def test_an_import_names_the_id(identity: Any, expected: list[str] | None) -> None:
    found = codes(
        resources={"cloud/vm.a": {"size": "s"}}, **{"import": [{"address": "cloud/vm.a", "identity": identity}]}
    )
    if expected is None:
        assert [item[:8] for item in found] == ["AIVP0224"]
    else:
        assert found == expected
