"""A third-party provider's word about identities that it assigns, held against what it was asked."""

from __future__ import annotations

from typing import Any

import pytest
from aivp_contract.manifest import read_manifest
from aivp_contract.values import Unknown
from aivp_runner import answers
from aivp_runner.answers import Broken

_ID = {"type": "string", "x-aivp": {"computed": True}}
KINDS = read_manifest(
    {
        "manifest": 1,
        "name": "cloud",
        "version": "1",
        "kinds": {
            "cloud/vm": {
                "schema": {"type": "object", "properties": {"id": _ID, "size": {"type": "string"}}},
                "identity": ["id"],
            }
        },
    }
).kinds


def item(**more: Any) -> dict[str, Any]:
    return {"id": "vm.a", "kind": "cloud/vm", "config": {"size": "s"}, **more}


def test_a_thing_that_was_never_created_is_not_there() -> None:
    check = answers.observed(KINDS)
    check(item(), {"observation": {"observed": None, "computed": {"id": Unknown()}}})
    with pytest.raises(Broken, match=r"it sees vm\.a, to which it has not assigned id yet"):
        check(item(), {"observation": {"observed": {"id": "1", "size": "s"}}})


def test_what_is_seen_is_what_was_asked_for() -> None:
    check = answers.observed(KINDS)
    check(item(identity={"id": "1"}), {"observation": {"observed": {"id": "1", "size": "s"}}})
    with pytest.raises(Broken, match=r"id of vm\.a is not the one that was asked for"):
        check(item(identity={"id": "1"}), {"observation": {"observed": {"id": "2", "size": "s"}}})


def test_an_output_is_known() -> None:
    with pytest.raises(Broken, match=r"outputs of vm\.a leave id unknown"):
        answers.applied(KINDS)(item(action="create"), {"outputs": {"id": Unknown()}})
