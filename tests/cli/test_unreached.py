"""Hosts that cannot be reached: why, on stderr; what is blocked, in the plan; and exit codes that claim no more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import Shell

HEAD = """aivp: v1
project: calm
hosts:
  near: {{transport: local}}
  far: {{transport: exec, command: ["{way}"]}}
resources:
"""


class Way(Shell):
    """A project with a host whose channel can be made to fail."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.way = folder / "way"
        self.open()
        self.two_hosts()

    def open(self) -> None:
        there = f"AIVP_HOST_STATE={self.things.parent}/far"
        self.channel(f'exec env {there} "$@"')

    def channel(self, script: str) -> None:
        self.way.unlink(missing_ok=True)
        self.way.write_text(f"#!/bin/sh\n{script}\n")
        self.way.chmod(0o755)

    def two_hosts(self) -> None:
        files = "".join(f"  file.{n}: {{host: {n}, path: {self.things}/{n}, content: x}}\n" for n in ("near", "far"))
        after = f"  file.after: {{host: near, path: {self.things}/after, depends_on: [file.far]}}\n"
        (self.folder / "aivp.yaml").write_text(HEAD.format(way=self.way) + files + after)

    def only_far(self) -> None:
        file = f"  file.far: {{host: far, path: {self.things}/far, content: x}}\n"
        (self.folder / "aivp.yaml").write_text(HEAD.format(way=self.way) + file)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.things.iterdir())


@pytest.fixture
def way(tmp_path: Path) -> Way:
    return Way(tmp_path)


FAILING = [
    ("echo one >&2; echo the door is shut >&2; exit 3", ["ended with exit code 3", "the door is shut"]),
    ("kill -9 $$", ["was killed by signal 9"]),
    ("echo hello from a login banner", ["ended with exit code 0", "hello from a login banner"]),
]


@pytest.mark.parametrize(("script", "why"), FAILING)
@pytest.mark.parametrize("words", [("plan",), ("drift",), ("observe",), ("apply", "-y")])
def test_why_it_cannot_be_reached_is_said_on_stderr(
    way: Way, words: tuple[str, ...], script: str, why: list[str]
) -> None:
    way.channel(script)
    said = way.run(*words, env={"COLUMNS": "1000"}).stderr.decode()
    assert "warning[AIVP0601]: Host cannot be reached\n  far: no runner came up" in said
    assert all(part in said for part in why), said
    assert "run that command by hand" in said


def test_a_channel_that_is_not_there(way: Way) -> None:
    way.way.unlink()
    said = way.run("plan", env={"COLUMNS": "1000"}).stderr.decode()
    assert f"far: `{way.way} python3` cannot be started: No such file or directory." in said


def test_the_reason_reaches_no_byte_of_a_plan(way: Way) -> None:
    plans = []
    for script, _ in FAILING:
        way.channel(script)
        assert way.code("plan", "-o", "plan.json") == 0
        plans.append((way.folder / "plan.json").read_bytes())
    assert len(set(plans)) == 1
    assert json.loads(plans[0])["blocked"] == {
        "file.far@far": "far cannot be reached",
        "file.after@near": "it needs file.far@far, which is blocked",
    }


def test_the_plan_says_what_is_blocked(way: Way) -> None:
    way.channel("exit 1")
    said = way.run("plan").stdout.decode()
    assert "Blocked: 2 resources\n  file.after@near: it needs file.far@far, which is blocked\n" in said
    assert "1 to create, 0 unchanged, 2 blocked." in said
    way.only_far()
    assert "No changes" not in way.run("plan").stdout.decode()


def test_recorded_evidence_warns_as_the_hosts_did(way: Way) -> None:
    way.channel("echo the door is shut >&2; exit 1")
    done = way.run("observe", "--json")
    artifact, warning = map(json.loads, done.stdout.splitlines())
    assert warning["code"] == "AIVP0601"
    assert way.run("observe", "-o", "evidence.json").returncode == 0
    assert json.loads((way.folder / "evidence.json").read_bytes()) == artifact["content"]
    assert "the door is shut" in way.run("plan", "--observed", "evidence.json").stderr.decode()


def test_apply_ends_with_5_where_something_was_blocked(way: Way) -> None:
    way.channel("exit 1")
    done = way.run("apply", "-y")
    assert (done.returncode, "error[AIVP0512]" in done.stderr.decode(), way.names()) == (5, True, ["near"])
    assert way.code("apply", "-y") == 5, "nothing left to do, but not everything is done"
    (way.things / "near").unlink()
    assert way.code("plan", "-o", "plan.json") == 0
    done = way.run("apply", "plan.json", "--json")
    assert (done.returncode, way.names()) == (5, ["near"])
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["code"], "file.far@far" in last["why"]) == ("AIVP0512", True)
    way.open()
    assert way.code("apply", "-y") == 0
    assert way.names() == ["after", "far", "near"]


def test_apply_ends_with_1_where_nothing_could_be_reached(way: Way) -> None:
    way.only_far()
    way.channel("exit 1")
    assert way.code("apply", "-y") == 1
    assert way.code("plan", "-o", "plan.json") == 0
    assert way.code("apply", "plan.json") == 1


def test_what_is_left_out_on_purpose_is_no_failure(way: Way) -> None:
    way.channel("exit 1")
    assert way.code("apply", "-y", "--exclude", "file.far") == 0
    assert way.code("drift", "--ignore", "file.far") == 0


def test_destroy_ends_with_5_and_forgets_nothing(way: Way) -> None:
    assert way.code("apply", "-y") == 0
    way.channel("exit 1")
    assert way.code("destroy", "-y") == 5
    assert way.names() == ["far"]
    way.open()
    assert way.code("destroy", "-y") == 0
    assert way.names() == []


def test_drift_knows_what_it_does_not_know(way: Way) -> None:
    assert way.code("apply", "-y") == 0
    way.channel("exit 1")
    done = way.run("drift")
    assert (done.returncode, "error[AIVP0414]" in done.stderr.decode()) == (1, True)
    assert way.code("plan", "--detailed-exitcode") == 1
    (way.things / "near").write_text("by hand")
    done = way.run("drift")
    assert (done.returncode, "warning[AIVP0414]" in done.stderr.decode()) == (2, True)


def test_what_something_out_of_reach_needs_is_not_deleted_from_under_it(way: Way) -> None:
    needs = [
        f"  file.base: {{host: near, path: {way.things}/base, state: directory}}\n",
        f"  file.near: {{host: near, path: {way.things}/base/near, content: x}}\n",
        f"  file.far: {{host: far, path: {way.things}/far, content: x, depends_on: [file.near]}}\n",
        f"  file.free: {{host: near, path: {way.things}/free, content: x}}\n",
    ]
    (way.folder / "aivp.yaml").write_text(HEAD.format(way=way.way) + "".join(needs))
    assert way.code("apply", "-y") == 0
    way.channel("exit 3")
    (way.folder / "aivp.yaml").write_text(HEAD.format(way=way.way) + needs[2].replace(", depends_on: [file.near]", ""))
    plan = json.loads(way.run("plan", "--json").stdout.splitlines()[-1])
    assert plan["blocked"] == {
        "file.far@far": "far cannot be reached",
        "file.near@near": "file.far@far, which needs it, is blocked",
        "file.base@near": "file.near@near, which needs it, is blocked",
    }
    assert way.code("apply", "-y") == 5
    assert way.names() == ["base", "far"]
    way.open()
    assert way.code("apply", "-y") == 0
    assert way.names() == ["far"]
