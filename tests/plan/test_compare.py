"""Two plans are compared by what they would do."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from aivp_contract.values import Secret

from aivp.model.resource import Host, Meta, SecretSource
from aivp.model.rollout import Rollout
from aivp.plan.compare import PlanDifference, compare
from aivp.plan.steps import HostPlan, Plan, Step, StepChange

PINS = {"ir": "1", "evidence": "2", "objects": "3", "runner": "4", "manifests": {"host": "5"}}


def step(name: str, action: Any = "update", after: Any = "b", **more: Any) -> Step:
    address = f"file.{name}@web"
    changes = [StepChange("replace", "/content", "a", after, "intent")]
    members: dict[str, Any] = {"reason": "differs", "severity": "change", "changes": changes, "expected": "sha256:1"}
    config = {"content": after, "mode": "0644"}
    return Step(
        f"{action}:{address}",
        address,
        "file",
        "web",
        action,
        config=config,
        identity={"path": name},
        **{**members, **more},
    )


def plan(*steps: Step, **more: Any) -> Plan:
    hosts = {"web": HostPlan(Host("web", "ssh", {"address": "a"}), "i1", [item.id for item in steps])}
    return Plan(
        **{"project": "p", "environment": "e", "pins": PINS, "hosts": hosts, "steps": steps, "unchanged": 1, **more}
    )


def differing(found: PlanDifference) -> list[tuple[str, str, Any, Any]]:
    return [(d.aspect, d.name, d.before, d.after) for item in found.changed for d in item.differences]


def test_the_same_plan_is_the_same() -> None:
    found = compare(plan(step("a"), step("b")), plan(step("a"), step("b")))
    assert (found.is_same, found.same) == (True, 2)


def test_order_batches_wording_and_what_is_waited_for_do_not_count() -> None:
    steps = [step(name, bounds=["x", "y"], notifies=["n", "m"], waits_for=["w"]) for name in "abcdef"]
    others = [
        replace(item, bounds=["y", "x"], notifies=["m", "n"], waits_for=[], batch=7, reason="otherwise", edges=["z"])
        for item in steps
    ]
    Random(1).shuffle(others)
    assert compare(plan(*steps), plan(*others, unchanged=9, notes=["n"])).is_same


def test_pins_of_the_origin_are_told_and_do_not_count() -> None:
    found = compare(plan(step("a")), plan(step("a"), pins={**PINS, "ir": "9", "objects": "9"}))
    assert found.is_same
    assert [item.name for item in found.origin] == ["ir", "objects"]


def test_other_code_counts() -> None:
    found = compare(plan(step("a")), plan(step("a"), pins={**PINS, "manifests": {"host": "9"}, "runner": "8"}))
    assert [item.name for item in found.around] == ["code: manifests host", "code: runner"]


def test_steps_appear_and_vanish() -> None:
    found = compare(plan(step("a"), step("b")), plan(step("b"), step("c")))
    assert ([s.id for s in found.vanished], [s.id for s in found.appeared]) == (
        ["update:file.a@web"],
        ["update:file.c@web"],
    )
    assert (found.is_same, found.same) == (False, 1)


def test_another_action_on_a_resource_is_one_difference() -> None:
    found = compare(plan(step("a")), plan(step("a", "delete", severity="destroy")))
    assert not found.vanished
    assert ("planned", "the action", "update", "delete") in differing(found)
    assert ("planned", "the severity", "change", "destroy") in differing(found)


def test_a_replacement_instead_of_an_update_is_more_than_one_step() -> None:
    found = compare(plan(step("a")), plan(step("a", "delete"), step("a", "create")))
    assert ([s.action for s in found.vanished], [s.action for s in found.appeared]) == (
        ["update"],
        ["delete", "create"],
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"after": "c"}, [("planned", "content", "b", "c")]),
        ({"config": {"content": "b", "mode": "0777"}}, [("planned", "mode", "0644", "0777")]),
        ({"identity": {"path": "z"}}, [("planned", "identity: path", "a", "z")]),
        ({"expected": "sha256:2"}, [("found", "digest of its fields", "sha256:1", "sha256:2")]),
        ({"is_conditional": True}, [("condition", "conditional", None, True)]),
        ({"bounds": ["mode"]}, [("condition", "may touch", None, ["mode"])]),
        ({"provenance": "adopted"}, [("condition", "provenance", "created", "adopted")]),
        ({"meta": Meta(retries=3)}, [("condition", "meta", None, {"retries": 3})]),
    ],
)
def test_what_counts_of_a_step(more: dict[str, Any], expected: list[Any]) -> None:
    other = step("a")
    other = step("a", after=more["after"]) if "after" in more else replace(other, **more)
    assert differing(compare(plan(step("a")), plan(other))) == expected


def test_what_was_found_counts() -> None:
    other = step("a", changes=[StepChange("replace", "/content", "z", "b", "intent")])
    assert differing(compare(plan(step("a")), plan(other))) == [("found", "content", "a", "z")]


def test_the_cause_alone_does_not_count() -> None:
    assert compare(
        plan(step("a")), plan(step("a", changes=[StepChange("replace", "/content", "a", "b", "drift")]))
    ).is_same


def test_true_is_not_one() -> None:
    assert not compare(plan(step("a", after=1)), plan(step("a", after=True))).is_same


def test_a_secret_of_another_version_is_another() -> None:
    one, other = (step("a", after=Secret({"secret": "s", "version": version})) for version in "12")
    assert compare(plan(one), plan(one)).is_same
    assert not compare(plan(one), plan(other)).is_same


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"hosts": {"web": HostPlan(Host("web", "ssh", {"address": "b"}), "i1")}}, "host web: connection"),
        ({"hosts": {"web": HostPlan(Host("web", "ssh", {"address": "a"}), "i2")}}, "host web: incarnation"),
        ({"secrets": {"s": SecretSource("s", "2", "env", "X")}}, "secret s"),
        ({"providers": {"acme": {"url": "y"}}}, "provider acme"),
        ({"rollouts": [Rollout("g", [["web"]], 50)]}, "rollout g"),
        ({"blocked": {"file.z@web": "why"}}, "blocked: file.z@web"),
        ({"left_out": {"file.z@web": "why"}}, "left out: file.z@web"),
        ({"environment": "prod"}, "environment"),
    ],
)
def test_what_counts_around_steps(more: dict[str, Any], name: str) -> None:
    before = plan(
        step("a"),
        secrets={"s": SecretSource("s", "1", "env", "X")},
        providers={"acme": {"url": "x"}},
        rollouts=[Rollout("g", [["web"]])],
    )
    kept = {member: getattr(before, member) for member in ("secrets", "providers", "rollouts")}
    found = compare(before, plan(step("a"), **{**kept, **more}))
    assert [item.name for item in found.around] == [name]
    assert not found.is_same


def test_a_host_without_steps_in_one_of_them_says_nothing() -> None:
    more = {**plan().hosts, "idle": HostPlan(Host("idle", "ssh"), "i")}
    assert compare(plan(step("a")), plan(step("a"), hosts=more)).is_same


def test_what_nobody_had_seen_for_a_review_may_turn_out_to_be_new() -> None:
    """A plan from evidence that is older than a declaration: that there was nothing, the live plan has found."""

    def new(name: str, after: str = "b", **more: Any) -> Step:
        made = [StepChange("add", "/content", None, after, "intent")]
        return step(name, "create", after, **{"changes": made, **more})

    unseen = new("a", expected=None, is_deferred=True, is_conditional=True, bounds=["content", "mode"])
    review = plan(unseen, is_applicable=False)
    assert compare(review, plan(new("a"))).is_same
    assert not compare(review, plan(new("a", after="c"))).is_same
    assert not compare(review, plan(new("a", meta=Meta(retries=3)))).is_same
    assert not compare(review, plan(step("a"))).is_same, "there was something"
    assert not compare(review, plan(step("a", "create"))).is_same, "in its place"
    assert not compare(review, plan()).is_same
    assert not compare(plan(unseen), plan(new("a"))).is_same, "deferred, but no guess"
