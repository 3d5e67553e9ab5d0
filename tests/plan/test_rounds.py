"""Rounds of a plan: of hosts with steps only, in an order in which every step can come."""

from __future__ import annotations

import json

import pytest
from aivp_contract import canonical

from aivp.model.rollout import Rollout
from aivp.plan.steps import read_plan

from .worlds import declare, plan, refused, row, witness

WEB = Rollout("web", [["h1"], ["h2", "h3"], ["h4"]], 50)


def rounds(*absent: str) -> list[object]:
    found = {f"thing.a@h{number}": {"text": "x"} for number in range(1, 5)}
    ir = declare(found, rollouts=[WEB])
    rows = [row(address, text="x") for address in found if address not in absent]
    return [item.rounds for item in plan(ir, witness(ir, dict.fromkeys(absent), rows)).rollouts]


def test_hosts_without_a_step_are_in_no_round() -> None:
    every = [f"thing.a@h{number}" for number in range(1, 5)]
    assert rounds(*every) == [[["h1"], ["h2", "h3"], ["h4"]]]
    assert rounds(every[0], every[2]) == [[["h1"], ["h3"]]]
    assert rounds(every[1], every[2]) == []
    assert rounds() == []


def test_what_ends_against_the_order_turns_the_rounds_round() -> None:
    ir = declare({}, hosts=("h1", "h2"), rollouts=[Rollout("web", [["h1"], ["h2"]])])
    rows = [row("thing.a@h1"), row("thing.b@h2", edges=["thing.a@h1"])]
    found = plan(ir, witness(ir, {}, rows))
    assert [step.id for step in found.steps] == ["delete:thing.b@h2", "delete:thing.a@h1"]
    assert [item.rounds for item in found.rollouts] == [[["h2"], ["h1"]]]
    assert read_plan(found.encode()).encode() == found.encode()


def test_what_can_come_in_neither_order_is_refused() -> None:
    resources = {"thing.a@h1": {"text": "x"}, "thing.b@h2": {"text": "x"}, "thing.c@h1": {"text": "x"}}
    ir = declare(
        resources, "thing.a@h1 thing.b@h2", "thing.b@h2 thing.c@h1", rollouts=[Rollout("web", [["h1"], ["h2"]])]
    )
    (found,) = refused(ir, witness(ir, dict.fromkeys(resources)))
    assert found.code == "AIVP0229"


@pytest.mark.parametrize("forged", [[["h4"], ["h1"]], [["h1"], ["h1"]], [["h1"], []], [["h1"], ["elsewhere"]]])
def test_a_plan_whose_rounds_contradict_its_steps_is_none(forged: list[list[str]]) -> None:
    resources = {"thing.a@h1": {"text": "x"}, "thing.a@h4": {"text": "x"}}
    ir = declare(resources, "thing.a@h1 thing.a@h4", rollouts=[WEB])
    raw = json.loads(plan(ir, witness(ir, dict.fromkeys(resources))).encode())
    raw["rollouts"][0]["rounds"] = forged
    with pytest.raises((ValueError, KeyError)):
        read_plan(canonical.encode(raw))
