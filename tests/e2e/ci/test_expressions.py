"""The runner's own reading of `${{ … }}`: a condition that it took for true or false by mistake would prove nothing."""

from __future__ import annotations

import pytest

from tests.e2e.ci.expressions import fill, holds

CONTEXTS = {
    "github": {"event": {"number": 7, "run": {"conclusion": "success"}}},
    "steps": {"plan": {"outputs": {"code": "2"}}},
    "inputs": {},
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (None, True),
        ("steps.plan.outputs.code == '2'", True),
        ("steps.plan.outputs.code == '2' && !inputs.digest", True),
        ("steps.plan.outputs.code == '2' && inputs.digest", False),
        ("steps.plan.outputs.code != '2' || github.event.number == 7", True),
        ("${{ github.event.run.conclusion == 'success' && (inputs.a || inputs.b) }}", False),
        ("steps.find.outputs.number", False),
    ],
)
def test_conditions(condition: str | None, expected: bool) -> None:
    assert holds(condition, CONTEXTS, is_going_well=True) is expected
    assert not holds(condition, CONTEXTS, is_going_well=False), "nothing goes on after a failure"


def test_texts() -> None:
    assert fill("plan-${{ github.event.number }}-${{ inputs.x }}.", CONTEXTS) == "plan-7-."
    with pytest.raises(AssertionError):
        fill("${{ toJSON(github) }}", CONTEXTS)
    with pytest.raises(AssertionError):
        fill("${{ runner.temp }}", CONTEXTS)
