"""One-off commands for real: under the host's lock, in its journal, once whatever dies; nothing they write is kept."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest

from tests.e2e.faults.projects import gate, project
from tests.e2e.faults.test_runs import begin, end, open_gate, until
from tests.e2e.faults.world import World

TOKEN = "a-secret-of-the-test"


def declare(world: World, resources: str = "", *, more: str = "") -> None:
    state = f"AIVP_HOST_STATE={world.root}/host"
    hosts = "".join(
        f'  h{i}: {{transport: exec, command: [env, "{state}{i}"], labels: {{odd: "{i % 2}"}}}}\n' for i in (1, 2)
    )
    head = f"\naivp: v1\nproject: faults\nvariables: {{root: {{type: string}}}}\nhosts:\n{hosts}{more}resources:\n"
    world.declare(project(resources, head=head))


def answers(text: str) -> dict[str, Any]:
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return {line["host"]: line for line in lines if line["type"] == "answer"}


def test_it_runs_once_on_each_and_is_a_run(world: World) -> None:
    declare(world, more="groups: {both: {hosts: [h1, h2]}}\n")
    script = f"echo out; echo err >&2; echo ran >> {world.ledger}"
    done = world.aivp("exec", "both,h1", "--json", "--", "sh", "-c", script)
    assert done.code == 0
    found = answers(done.text)
    assert set(found) == {"h1", "h2"}
    assert [found["h1"][name] for name in ("status", "exit_code", "stdout", "stderr")] == ["done", 0, "out\n", "err\n"]
    assert world.lines() == ["ran", "ran"]
    assert "exec " in world.succeed("runs", "list")
    assert "$ h1 executed" in world.succeed("runs", "show")
    assert json.loads(world.succeed("runs", "list", "--json").splitlines()[-1])["plan"].startswith("exec:sha256:")
    world.succeed("state", "check")
    world.succeed("state", "backup", f"{world.root}/copy.json")
    world.succeed("state", "restore", f"{world.root}/copy.json", "-y")


def test_labels_choose_and_a_failure_is_exit_code_5(world: World) -> None:
    declare(world)
    done = world.aivp("exec", "odd=1", "--json", "--", "sh", "-c", "exit 3")
    assert (done.code, list(answers(done.text))) == (5, ["h1"])
    assert answers(done.text)["h1"]["exit_code"] == 3
    assert world.aivp("apply", "--resume").code == 1  # a failed command is no run of a plan that could go on
    world.succeed("exec", "all", "--", "true")


def test_a_command_that_takes_too_long_or_cannot_start_is_said_so(world: World) -> None:
    declare(world)
    slow = world.aivp("exec", "h1", "--timeout", "1s", "--", "sleep", "60")
    assert slow.code == 5
    assert "did not end within 1 s" in slow.text
    missing = world.aivp("exec", "h1", "--", "/nowhere/at/all")
    assert missing.code == 5
    assert "not run" in missing.text


def test_much_output_is_cut_and_nothing_of_it_is_kept(world: World) -> None:
    declare(world)
    done = world.aivp("exec", "h1", "--json", "--", "sh", "-c", "seq 1 100000; echo a-word-that-is-nowhere-else")
    answer = answers(done.text)["h1"]
    assert answer["is_truncated"] is True
    assert len(answer["stdout"]) < 70_000
    assert answer["stdout"].endswith("a-word-that-is-nowhere-else\n")
    for folder in (world.project / ".aivp", world.root / "host1"):
        for path in folder.rglob("*"):
            assert not path.is_file() or b"99999\n" not in path.read_bytes(), path


def test_known_secrets_are_neither_shown_nor_sent(world: World) -> None:
    declare(world, more="secrets: {token: {env: FAULT_TOKEN}}\n")
    (world.target / "f").write_text(f"token={TOKEN}\n")
    done = world.aivp("exec", "h1", "--", "cat", str(world.target / "f"))
    assert "token=(secret)" in done.text
    assert TOKEN not in done.text
    refused = world.aivp("exec", "h1", "--", "echo", TOKEN)
    assert refused.code == 1
    assert "AIVP0624" in refused.text
    assert TOKEN not in refused.text


def test_what_cannot_be_reached_stops_nobody_else(world: World) -> None:
    declare(world)
    text = (
        (world.project / "aivp.yaml")
        .read_text()
        .replace("resources:", '  dead: {transport: exec, command: ["false"]}\nresources:')
    )
    world.declare(text)
    done = world.aivp("exec", "all", "--json", "--", "true")
    assert done.code == 5
    found = answers(done.text)
    assert [found[name]["status"] for name in ("dead", "h1", "h2")] == ["failed", "done", "done"]


def test_an_open_run_refuses_it(world: World) -> None:
    declare(world, gate("slow", more=", host: h1"))
    process = begin(world)
    assert "AIVP0508" in world.aivp("exec", "h1", "--", "true").text
    open_gate(world)
    assert end(process)[0] == 0
    world.succeed("exec", "h1", "--", "true")


@pytest.mark.parametrize("how", ["kill", "link"])
def test_a_cut_leaves_no_unknown_outcome_and_nothing_runs_twice(world: World, how: str) -> None:
    declare(world)
    script = f"echo begun >> {world.ledger}; sleep 2; echo ended >> {world.ledger}; echo said"
    process = world.start("exec", "h1", "--", "sh", "-c", script)
    until(lambda: world.lines() == ["begun"])
    if how == "kill":
        os.kill(process.pid, signal.SIGKILL)
    else:
        os.kill(process.pid, signal.SIGINT)
    process.wait()
    assert "AIVP0508" in world.aivp("exec", "h1", "--", "true").text
    assert "AIVP0625" in world.aivp("apply", "--resume").text
    done = world.aivp("runs", "abandon", "--json")
    assert (done.code, answers(done.text)["h1"]["stdout"]) == (0, "said\n")
    assert world.lines() == ["begun", "ended"]
    world.succeed("exec", "h1", "--", "true")


def test_a_lost_host_can_be_given_up(world: World) -> None:
    declare(world)
    process = world.start("exec", "h1", "--", "sh", "-c", f"echo begun >> {world.ledger}; sleep 1")
    until(lambda: world.lines() == ["begun"])
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(1.2)
    assert "AIVP0513" in world.aivp("runs", "abandon", "--lost", "h2").text
    assert "its host was given up" in world.succeed("runs", "abandon", "--lost", "h1")
    assert "lost" in world.succeed("runs", "show")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("h9", "--", "true"), "AIVP0210"),
        (("odd=7", "--", "true"), "AIVP0212"),
        (("", "--", "true"), "AIVP0212"),
        (("h1", "--untrusted", "--", "true"), "AIVP0503"),
    ],
)
def test_what_is_refused(world: World, words: tuple[str, ...], code: str) -> None:
    declare(world)
    done = world.aivp("exec", *words)
    assert (done.code, code in done.text) == (1, True), done.text
