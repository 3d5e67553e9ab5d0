"""`serial` → rounds, what is wrong with one, and dependencies that lead against the rounds."""

from __future__ import annotations

from typing import Any

import pytest

from .run import run, said

HOSTS = {f"h{number}": {"transport": "local"} for number in range(1, 8)}


def project(group: dict[str, Any], resources: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"hosts": HOSTS, "groups": {"g": {"hosts": list(HOSTS), **group}}, "resources": resources or {}}


@pytest.mark.parametrize(
    ("serial", "sizes"),
    [
        (1, [1] * 7),
        (3, [3, 3, 1]),
        ("30%", [2, 2, 2, 1]),
        ("1%", [1] * 7),
        ([1, "30%", 3], [1, 2, 3, 1]),
        (["50%"], [3, 3, 1]),
        ("${var.size}", [5, 2]),
    ],
)
def test_rounds(serial: Any, sizes: list[int]) -> None:
    (found,) = run({**project({"serial": serial, "max_fail_percentage": 30}), "variables": {"size": 5}}).ir.rollouts
    assert [len(names) for names in found.rounds] == sizes
    assert [name for names in found.rounds for name in names] == sorted(HOSTS)
    assert found.form() == {"group": "g", "max_fail_percentage": 30, "rounds": found.rounds}


@pytest.mark.parametrize("serial", [7, "100%", 1000])
def test_a_single_round_is_no_rollout(serial: Any) -> None:
    ir = run(project({"serial": serial})).ir
    assert ir.rollouts == []
    assert "rollouts" not in ir.form()


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ({"serial": 0}, "AIVP0228 groups.g.serial: serial is a number of hosts from 1 on"),
        ({"serial": True}, "AIVP0228 groups.g.serial: serial is a number"),
        ({"serial": "0%"}, "AIVP0228 groups.g.serial: serial is a number"),
        ({"serial": "101%"}, "AIVP0228 groups.g.serial: serial is a number"),
        ({"serial": "a third"}, "AIVP0228 groups.g.serial: serial is a number"),
        ({"serial": []}, "AIVP0228 groups.g.serial: serial is a number"),
        ({"serial": [1, "x"]}, "AIVP0228 groups.g.serial.1: serial is a number"),
        ({"serial": 1, "max_fail_percentage": 101}, "AIVP0211 groups.g.max_fail_percentage: max_fail_percentage is a"),
        ({"max_fail_percentage": 10}, "AIVP0228 groups.g.max_fail_percentage: max_fail_percentage holds back later"),
        ({"serial": "${host.facts.cpus}"}, "AIVP0202 groups.g.serial: "),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(group: dict[str, Any], message: str) -> None:
    (found,) = said(project(group))
    assert found.startswith(message), found


def test_a_dependency_on_a_later_round_is_a_mistake_of_the_declaration() -> None:
    resources = {
        "noop.first": {"host": "h1", "depends_on": ["noop.between"]},
        "noop.between": {"host": "other", "depends_on": ["noop.last"]},
        "noop.last": {"host": "h7"},
    }
    data = project({"serial": 3}, resources)
    data["hosts"] = {**HOSTS, "other": {"transport": "local"}}
    (found,) = said(data)
    assert found == (
        "AIVP0229 resources.noop.first:key: noop.first@h1 is in round 1 of g, and waits for noop.last@h7, which is in"
        " round 3. Remove the dependency, or serial from the group g."
    )
    data["groups"] = {}
    assert said(data) == []


def test_a_dependency_on_the_same_or_an_earlier_round_is_none() -> None:
    resources = {
        "noop.a": {"host": "h2", "depends_on": ["noop.b"]},
        "noop.b": {"host": "h3", "depends_on": ["noop.c"]},
        "noop.c": {"host": "h1"},
        "noop.d": {"host": "h7", "depends_on": ["noop.a"]},
    }
    assert said(project({"serial": 3}, resources)) == []
