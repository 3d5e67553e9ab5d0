"""A third-party provider's word about identities that it assigns, held against what it was asked."""

from __future__ import annotations

from typing import Any

import pytest
from aivp_contract.manifest import read_manifest
from aivp_contract.values import Unknown
from aivp_runner import answers
from aivp_runner.faults import Broken
from aivp_runner.question import Question

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


def asked(**more: Any) -> Question:
    item = {"id": "vm.a", "kind": "cloud/vm", "config": {"size": "s"}, **more}
    return Question(item, KINDS["cloud/vm"], None)


def seen(question: Question, **observation: Any) -> None:
    answers.observed(question, {"id": "vm.a", "observation": observation})


def test_a_thing_that_was_never_created_is_not_there() -> None:
    seen(asked(), observed=None, computed={"id": Unknown()})
    with pytest.raises(Broken, match=r"it sees vm\.a, to which it has not assigned id yet"):
        seen(asked(), observed={"id": "1", "size": "s"})


def test_what_is_seen_is_what_was_asked_for() -> None:
    seen(asked(identity={"id": "1"}), observed={"id": "1", "size": "s"})
    with pytest.raises(Broken, match=r"id of vm\.a is not the one that was asked for"):
        seen(asked(identity={"id": "1"}), observed={"id": "2", "size": "s"})


def test_an_output_is_known() -> None:
    with pytest.raises(Broken, match=r"outputs of vm\.a leave id unknown"):
        answers.applied(asked(action="create"), {"id": "vm.a", "outputs": {"id": Unknown()}})
