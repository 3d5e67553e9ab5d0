"""When a host of a rollout may begin: after the round before it, unless too much of that failed."""

from __future__ import annotations

import pytest

from aivp.apply.progress import Progress
from aivp.apply.rollout import Gate, Rounds
from aivp.model.resource import Host
from aivp.model.rollout import Rollout
from aivp.plan.steps import HostPlan, Plan, Step

HOSTS = ("h1", "h2", "h3", "h4")
STEPS = [Step(name, name, "noop", name, "create", "", "change", {}, {}) for name in HOSTS]


def gate(host: str, most: int = 0, **ended: str) -> Gate:
    lanes = {name: HostPlan(Host(name, "local"), "", [name]) for name in HOSTS}
    plan = Plan("p", "e", {}, lanes, STEPS, 0, rollouts=[Rollout("web", [["h1"], ["h2", "h3"], ["h4"]], most)])
    known = {name: status for name, status in ended.items() if status != "lost"}
    progress = Progress({step.id: step for step in STEPS}, {}, {}, ended=known, left=set(ended))
    return Rounds(plan).gate(host, progress)


WAIT, GO = Gate(must_wait=True), Gate()


@pytest.mark.parametrize(
    ("host", "ended", "found"),
    [
        ("h1", {}, GO),
        ("elsewhere", {}, GO),
        ("h2", {}, WAIT),
        ("h2", {"h1": "done"}, GO),
        ("h2", {"h1": "skipped"}, GO),
        ("h4", {"h1": "done", "h2": "done"}, WAIT),
        ("h4", {"h1": "done", "h2": "done", "h3": "done"}, GO),
        ("h2", {"h1": "failed"}, Gate(why="the host of round 1 of web failed")),
        ("h2", {"h1": "lost"}, Gate(why="the host of round 1 of web failed")),
        ("h4", {"h1": "failed"}, Gate(why="the host of round 1 of web failed")),
        ("h4", {"h1": "done", "h2": "failed"}, Gate(why="1 of 2 hosts of round 2 of web failed")),
    ],
)
def test_none_may_fail(host: str, ended: dict[str, str], found: Gate) -> None:
    assert gate(host, **ended) == found


@pytest.mark.parametrize(
    ("most", "ended", "found"),
    [
        (50, {"h1": "done", "h2": "failed"}, WAIT),
        (50, {"h1": "done", "h2": "failed", "h3": "done"}, GO),
        (49, {"h1": "done", "h2": "failed"}, Gate(why="1 of 2 hosts of round 2 of web failed, and 49% may")),
        (
            50,
            {"h1": "done", "h2": "stale", "h3": "blocked"},
            Gate(why="2 of 2 hosts of round 2 of web failed, and 50% may"),
        ),
        (100, {"h1": "failed", "h2": "failed", "h3": "failed"}, GO),
    ],
)
def test_some_may_fail(most: int, ended: dict[str, str], found: Gate) -> None:
    assert gate("h4", most, **ended) == found
