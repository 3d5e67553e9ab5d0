"""`transport: exec` into a throwaway host: the same project, the same kills."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import lab
from tests.e2e.faults.projects import note, project
from tests.e2e.faults.test_runs import end, until
from tests.e2e.faults.world import World

pytestmark = pytest.mark.lab

GATE = "; while [ ! -e /var/tmp/open ]; do sleep 0.05; done; echo slow-ended >> /var/tmp/ledger"


@pytest.fixture(scope="module")
def host() -> Iterator[lab.Host]:
    reason = lab.available()
    if reason is not None:
        pytest.skip(reason)
    with lab.host() as started:
        yield started


@pytest.fixture
def away(world: World, host: lab.Host) -> World:
    """A project on the throwaway host; there the runner keeps its state where it always does."""
    host.run(["sh", "-c", "rm -rf /var/lib/aivp /var/tmp/open /var/tmp/ledger /var/tmp/tree; touch /var/tmp/ledger"])
    command = json.dumps(list(host.argv))
    way = f"hosts: {{away: {{transport: exec, command: {command}}}}}"
    head = f"\naivp: v1\nproject: faults\nvariables: {{root: {{type: string}}}}\n{way}\nresources:\n"
    resources = f"""
        file.tree: {{state: directory, path: /var/tmp/tree, mode: "0750"}}
        file.part: {{for_each: {{a: one, b: two}}, path: "/var/tmp/tree/${{each.key}}", content: "${{each.value}}"}}
        {note("slow", after=GATE)}
        {note("zlast")}
    """
    world.declare(project(resources, head=head).replace('"${var.root}/ledger"', "/var/tmp/ledger"))
    return world


def lines(host: lab.Host) -> list[str]:
    return host.run(["cat", "/var/tmp/ledger"]).stdout.splitlines()


def test_it_applies_and_the_next_plan_is_empty(away: World, host: lab.Host) -> None:
    host.run(["touch", "/var/tmp/open"])
    away.succeed("apply", "-y")
    assert lines(host) == ["slow", "slow-ended", "zlast"]
    assert host.run(["cat", "/var/tmp/tree/a", "/var/tmp/tree/b"]).stdout == "onetwo"
    assert away.aivp("plan", "--detailed-exitcode").code == 0
    away.succeed("destroy", "-y")
    assert "tree" not in host.run(["ls", "/var/tmp"]).stdout


@pytest.mark.parametrize("who", ["engine", "channel", "runner"])
def test_a_kill_is_mended_by_one_resume(away: World, host: lab.Host, who: str) -> None:
    process = away.start("apply", "-y")
    until(lambda: lines(host) == ["slow"])
    if who == "engine":
        process.kill()
    elif who == "runner":
        host.run(["pkill", "-9", "-x", "python3"])  # its shim has another name
    else:
        for child in children(process.pid):
            os.killpg(child, signal.SIGKILL)  # all that carries the bytes
    code, text = end(process)
    assert code in (-9, 5), text
    host.run(["touch", "/var/tmp/open"])
    away.succeed("apply", "--resume")
    assert lines(host) == ["slow", "slow-ended", "zlast"]
    assert away.aivp("plan", "--detailed-exitcode").code == 0
    assert host.run(["sh", "-c", "ls /var/lib/aivp/effects"]).stdout == ""


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
