"""Lanes side by side: what one host waits for on another comes, breaks, or never comes; nobody waits for ever."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.faults.projects import gate, note, project
from tests.e2e.faults.test_runs import begin, end, open_gate, until
from tests.e2e.faults.world import World


def hosts(world: World, count: int) -> str:
    lines = "".join(
        f'  h{i}: {{transport: exec, command: ["env", "AIVP_HOST_STATE={world.root}/host{i}"]}}\n' for i in range(count)
    )
    return f"\naivp: v1\nproject: faults\nvariables: {{root: {{type: string}}}}\nhosts:\n{lines}resources:\n"


def declare(world: World, *resources: str, count: int = 2) -> None:
    world.declare(project("\n".join(resources), head=hosts(world, count)))


def runner_of(world: World, name: str) -> int:
    """The process id of the runner of one host."""
    mark = f"AIVP_HOST_STATE={world.root}/{name}".encode()
    for entry in Path("/proc").iterdir():
        try:
            is_it = mark in (entry / "environ").read_bytes().split(b"\0") and b"-c" in (entry / "cmdline").read_bytes()
            if is_it and (entry / "comm").read_text().strip() != "aivp-shim":
                return int(entry.name)
        except (OSError, ValueError):
            continue
    raise AssertionError(f"no runner of {name}")


def test_a_chain_across_hosts(world: World) -> None:
    declare(
        world,
        note("a", more=", host: h0"),
        note("b", more=", host: h1, depends_on: [command.a]"),
        note("c", more=", host: h0, depends_on: [command.b]"),
        note("d", more=", host: h1, depends_on: [command.c]"),
    )
    world.succeed("apply", "-y")
    assert world.lines() == ["a", "b", "c", "d"]


def test_outputs_travel_across_hosts(world: World) -> None:
    declare(
        world,
        'command.a: {host: h0, shell: "echo from-a"}',
        'file.b: {host: h1, path: "${var.root}/target/b", content: "${command.a.stdout}"}',
    )
    world.succeed("apply", "-y")
    assert (world.target / "b").read_text() == "from-a\n"
    assert world.aivp("plan", "--detailed-exitcode").code == 0


def test_a_failure_on_one_host_blocks_its_dependents_on_the_other(world: World) -> None:
    declare(
        world,
        note("a", more=", host: h0", after="; false"),
        note("b", more=", host: h1, depends_on: [command.a]"),
        note("c", more=", host: h0, depends_on: [command.b]"),
        note("other", more=", host: h1"),
    )
    failed = world.aivp("apply", "-y")
    assert failed.code == 5, failed.text
    assert sorted(world.lines()) == ["a", "other"]


def test_a_host_that_is_lost_stops_only_what_waits_for_it(world: World) -> None:
    declare(
        world,
        gate("slow", more=", host: h0"),
        note("b", more=", host: h1, depends_on: [command.slow]"),
        note("free", more=", host: h1"),
        note("c", more=", host: h2, depends_on: [command.b]"),
        count=3,
    )
    process = begin(world)
    until(lambda: "free" in world.lines())
    os.kill(runner_of(world, "host0"), signal.SIGKILL)
    code, text = end(process)
    assert (code, "AIVP0601" in text) == (5, True), text
    assert sorted(world.lines()) == ["free", "slow"]
    open_gate(world)
    world.succeed("apply", "--resume")
    assert sorted(world.lines()) == ["b", "c", "free", "slow", "slow-ended"]
    world.await_quiet()


def test_a_resume_goes_on_without_a_host_that_is_not_there(world: World) -> None:
    wrapper = world.root / "way"
    wrapper.write_text(f'#!/bin/sh\n[ -e "{world.root}/down" ] && exit 1\nexec "$@"\n')
    wrapper.chmod(0o755)
    head = hosts(world, 2).replace('["env"', f'["{wrapper}", "env"', 1)
    world.declare(
        project(
            f"{gate('slow', more=', host: h0')}\n{gate('steady', more=', host: h1')}\n{note('z', more=', host: h1')}",
            head=head,
        )
    )
    process = begin(world, line="steady")
    until(lambda: "slow" in world.lines())
    process.kill()
    end(process)
    (world.root / "down").touch()
    open_gate(world)
    result = world.aivp("apply", "--resume")
    assert (result.code, "AIVP0601" in result.text) == (5, True), result.text
    assert "z" in world.lines()
    (world.root / "down").unlink()
    world.succeed("apply", "--resume")
    assert sorted(world.lines()) == ["slow", "slow-ended", "steady", "steady-ended", "z"]


def test_more_hosts_than_are_driven_at_once_wait_for_each_other(world: World) -> None:
    """A chain through four hosts with two at a time: whoever waits must not take the place of whom it waits for."""
    declare(
        world,
        note("d", more=", host: h3"),
        note("c", more=", host: h2, depends_on: [command.d]"),
        note("b", more=", host: h1, depends_on: [command.c]"),
        note("a", more=", host: h0, depends_on: [command.b]"),
        count=4,
    )
    world.succeed("apply", "-y", "--parallelism", "1")
    assert world.lines() == ["d", "c", "b", "a"]


def test_a_notification_across_hosts_fires_once_and_is_done(world: World) -> None:
    declare(
        world,
        'file.sender: {host: h0, path: "${var.root}/target/a", content: "one", notify: [command.told]}',
        note("told", more=", host: h1, refresh_only: true"),
    )
    world.succeed("apply", "-y")
    assert world.lines() == ["told"]
    assert world.aivp("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("who", ["engine", "runner"])
def test_a_kill_while_another_host_waits(world: World, who: str) -> None:
    declare(world, gate("slow", more=", host: h0"), note("b", more=", host: h1, depends_on: [command.slow]"))
    process = begin(world)
    if who == "engine":
        process.kill()
    else:
        os.kill(runner_of(world, "host0"), signal.SIGKILL)
    end(process)
    open_gate(world)
    world.succeed("apply", "--resume")
    assert world.lines() == ["slow", "slow-ended", "b"]


def test_a_silent_channel_of_a_killed_engine_leaves_no_process(world: World) -> None:
    declare(world, gate("slow", more=", host: h0"))
    process = begin(world)
    process.kill()
    end(process)
    time.sleep(0.2)
    open_gate(world)
    world.await_quiet()
    world.succeed("apply", "--resume")
    assert world.lines() == ["slow", "slow-ended"]


def test_what_waits_for_an_output_is_checked_before_the_first_effect(world: World) -> None:
    """The part of it that is known is held to the plan like everything else."""
    (world.target / "b").write_text("old")
    declare(
        world,
        'command.a: {host: h0, shell: "echo from-a >> ${var.root}/ledger; echo from-a"}',
        'file.b: {host: h1, path: "${var.root}/target/b", content: "${command.a.stdout}", mode: "0600"}',
    )
    world.succeed("plan", "-o", "plan.json")
    (world.target / "b").chmod(0o640)
    stale = world.aivp("apply", "plan.json")
    assert (stale.code, "AIVP0501" in stale.text) == (4, True), stale.text
    assert world.lines() == []
    world.succeed("apply", "-y")
    assert (world.target / "b").read_text() == "from-a\n"
