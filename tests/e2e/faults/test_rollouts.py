"""Rounds for real: one after the other, held back where too much fails, taken up again by --resume."""

from __future__ import annotations

import json

from tests.e2e.faults.world import World

from .projects import note, project


def declare(world: World, group: str) -> None:
    hosts = "".join(
        f'  h{i}: {{transport: exec, command: ["env", "AIVP_HOST_STATE={world.root}/host{i}"]}}\n' for i in range(1, 5)
    )
    head = "\naivp: v1\nproject: faults\nvariables: {root: {type: string}}\nhosts:\n" + hosts
    head += f"groups:\n  web: {{hosts: [h1, h2, h3, h4], {group}}}\nresources:\n"
    begun = 'echo ${host.name}-begun >> "${var.root}/ledger"; sleep 0.2; test ! -e "${var.root}/broken-${host.name}"'
    world.declare(
        project(note("a", more=", host: web").replace("echo a", f"{begun} && echo ${{host.name}}"), head=head)
    )


def test_a_round_begins_after_the_one_before_it(world: World) -> None:
    declare(world, "serial: [1, 2]")
    world.succeed("apply", "-y")
    lines = world.lines()
    assert lines[:2] == ["h1-begun", "h1"]
    assert sorted(lines[2:6]) == ["h2", "h2-begun", "h3", "h3-begun"]
    assert lines[6:] == ["h4-begun", "h4"]


def test_a_round_that_fails_holds_the_later_ones_back_until_it_is_mended(world: World) -> None:
    declare(world, "serial: [1, 2], max_fail_percentage: 40")
    (world.root / "broken-h2").touch()
    done = world.aivp("apply", "-y", "--json")
    assert done.code == 5
    lines = [json.loads(text) for text in done.text.splitlines() if text.startswith("{")]
    held = [item for item in lines if item["type"] == "step-ended" and item["host"] == "h4"]
    assert [(item["status"], item["error"]["class"]) for item in held] == [("blocked", "held")]
    assert held[0]["error"]["message"] == "1 of 2 hosts of round 2 of web failed, and 40% may"
    assert "h4-begun" not in world.lines()
    (world.root / "broken-h2").unlink()
    world.succeed("apply", "--resume")
    assert world.lines().count("h1") == world.lines().count("h3") == 1
    assert world.lines()[-4:] == ["h2-begun", "h2", "h4-begun", "h4"]


def test_what_may_fail_stops_nobody(world: World) -> None:
    declare(world, "serial: 2, max_fail_percentage: 50")
    (world.root / "broken-h1").touch()
    assert world.aivp("apply", "-y").code == 5
    assert {"h2", "h3", "h4"} < set(world.lines())
