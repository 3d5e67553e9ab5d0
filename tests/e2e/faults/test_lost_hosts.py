"""Runs on hosts that never come back: closed without them, and nothing is claimed about what was done there."""

from __future__ import annotations

import json

import pytest

from tests.e2e.faults.projects import gate, note, project
from tests.e2e.faults.test_runs import begin, end, open_gate, until
from tests.e2e.faults.test_two_hosts import hosts
from tests.e2e.faults.world import World


@pytest.fixture
def stopped(world: World) -> World:
    """A run that was killed while both hosts were at work; h0 is behind a door that `down` shuts."""
    wrapper = world.root / "way"
    log = f'echo asked >> "{world.root}/asked"'
    wrapper.write_text(f'#!/bin/sh\n{log}\n[ -e "{world.root}/down" ] && exit 1\nexec "$@"\n')
    wrapper.chmod(0o755)
    resources = (
        gate("slow", more=", host: h0"),
        note("zbehind", more=", host: h0, depends_on: [command.slow]"),
        note("zz", more=", host: h0, depends_on: [command.far]"),
        gate("steady", more=", host: h1"),
        note("far", more=", host: h1, depends_on: [command.steady]"),
    )
    world.declare(project("\n".join(resources), head=hosts(world, 2).replace('["env"', f'["{wrapper}", "env"', 1)))
    process = begin(world, line="steady")
    until(lambda: "slow" in world.lines())
    process.kill()
    end(process)
    open_gate(world)
    until(lambda: "slow-ended" in world.lines())
    world.await_quiet()
    (world.root / "down").touch()
    (world.root / "asked").unlink()
    return world


def statuses(world: World) -> dict[str, str]:
    lines = [json.loads(line) for line in world.succeed("runs", "show", "--json").splitlines()]
    return {line["step"]: line["status"] for line in lines if line["type"] == "outcome"}


def test_a_host_that_is_not_there_is_refused_and_the_way_out_named(stopped: World) -> None:
    refused = stopped.aivp("runs", "abandon")
    assert (refused.code, "AIVP0601" in refused.text) == (1, True), refused.text
    assert "aivp runs abandon --lost h0" in refused.text
    refused = stopped.aivp("runs", "abandon", "--lost", "h7")
    assert (refused.code, "AIVP0513" in refused.text, "h0, h1" in refused.text) == (1, True, True), refused.text


def test_a_lost_host_is_given_up_and_the_others_are_settled(stopped: World) -> None:
    asked = (stopped.root / "asked").exists()
    text = stopped.succeed("runs", "abandon", "--lost", "h0")
    assert (stopped.root / "asked").exists() == asked, "nothing is sent to it"
    assert "Whether these steps were done there is unknown: " in text
    assert "create:command.slow@h0, create:command.zbehind@h0." in text
    assert "aivp state rm --host h0" in text
    assert statuses(stopped) == {
        "create:command.slow@h0": "lost",
        "create:command.zbehind@h0": "lost",
        "create:command.steady@h1": "done",
    }, "what waited for another host was never sent"
    assert "lost" in stopped.succeed("runs", "show")
    assert "No run is open" in stopped.succeed("runs", "abandon")
    assert "far" not in stopped.lines()


def test_a_host_that_comes_back_is_looked_at_again(stopped: World) -> None:
    stopped.succeed("runs", "abandon", "--lost", "h0")
    (stopped.root / "down").unlink()
    stopped.succeed("apply", "-y")
    assert stopped.aivp("plan", "--detailed-exitcode").code == 0
    assert {"zbehind", "zz", "far"} <= set(stopped.lines())


def test_a_host_that_has_nothing_open_need_not_be_there(world: World) -> None:
    wrapper = world.root / "way"
    wrapper.write_text(f'#!/bin/sh\n[ -e "{world.root}/down" ] && exit 1\nexec "$@"\n')
    wrapper.chmod(0o755)
    head = hosts(world, 2).replace('["env"', f'["{wrapper}", "env"', 1)
    resources = (note("quick", more=", host: h0"), gate("slow", more=", host: h1, depends_on: [command.quick]"))
    world.declare(project("\n".join(resources), head=head))
    process = begin(world)
    process.kill()
    end(process)
    open_gate(world)
    (world.root / "down").touch()
    world.succeed("runs", "abandon")


def test_machines_are_told_which_steps_were_lost(stopped: World) -> None:
    lines = [json.loads(line) for line in stopped.succeed("runs", "abandon", "--lost", "h0", "--json").splitlines()]
    lost = [line["step"] for line in lines if line["type"] == "step-ended" and line["status"] == "lost"]
    assert lost == ["create:command.slow@h0", "create:command.zbehind@h0"]
    assert (lines[-1]["type"], lines[-1]["status"]) == ("run-ended", "abandoned")
