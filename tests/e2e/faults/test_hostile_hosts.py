"""Hosts that lie, babble, hang or leave: a diagnostic in bounded time, nothing lost, and other hosts go on."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from aivp.diagnostics import Refused
from aivp.hosts.archive import build
from aivp.hosts.greeting import Owner, greet
from aivp.hosts.sessions import Sessions
from aivp.model.resource import Host
from aivp.plugins import Registry
from tests.e2e.bad_input.conftest import MEASURE
from tests.e2e.faults.projects import note, project
from tests.e2e.faults.world import Result, World

HEAD = """
aivp: v1
project: faults
variables: {{root: {{type: string}}, mode: {{type: string, default: "honest:"}}}}
hosts:
  bad: {{transport: exec, command: ["env", "AIVP_HOST_STATE={root}/bad", "{python}", "{liar}", "${{var.mode}}"]}}
  good: {{transport: local}}
resources:
"""

STARTS = ("start-rubbish", "start-megabytes", "start-exit", "start-old", "start-odd")
ANSWERS = (
    *(
        f"hello:{lie}"
        for lie in ("garbage", "long_line", "deep", "wrong_id", "leave", "no_object", "no_list", "no_error")
    ),
    *(
        f"observe:{lie}"
        for lie in ("garbage", "long_line", "leave", "no_list", "no_object", "strange_items", "endless")
    ),
)
RUNS = (
    *(f"begin:{lie}" for lie in ("garbage", "no_list", "strange_items", "endless", "leave")),
    *(
        f"outcomes:{lie}"
        for lie in ("garbage", "leave", "strange_step", "strange_status", "strange_error", "twice", "nothing")
    ),
)


def bounded(modes: Sequence[str]) -> list[object]:
    """Every third in each run of the tests, all of them in the full matrix."""
    return [mode if i % 3 == 0 else pytest.param(mode, marks=pytest.mark.slow) for i, mode in enumerate(modes)]


@pytest.fixture
def mixed(world: World) -> World:
    head = HEAD.format(root=world.root, python=sys.executable, liar=Path(__file__).parent / "liar.py")
    world.declare(
        project(
            f"""
            {note("good", more=", host: good")}
            {note("bad", more=", host: bad")}
            file.bad: {{host: bad, path: "${{var.root}}/target/bad", content: "text"}}
            """,
            head=head,
        )
    )
    return world


def measured(world: World, *arguments: str) -> Result:
    """How it ended, in a minute and 300 MB: of the engine and of everything that it waited for."""
    peak = world.root / "peak"
    began = time.monotonic()
    result = world.aivp(*arguments, before=(sys.executable, "-I", "-S", "-c", MEASURE, str(peak)))
    assert int(peak.read_text()) // 1024 <= 300
    assert time.monotonic() - began < 60
    return result


@pytest.mark.parametrize("mode", bounded([*STARTS, *ANSWERS]))
def test_a_host_that_lies_while_it_is_asked(mixed: World, mode: str) -> None:
    result = measured(mixed, "plan", "--var", f"mode={mode}")
    assert "AIVP06" in result.text or "cannot be reached" in result.text, result.text
    if result.code == 0:  # not there, rather than hostile: it stops only what is its own
        assert "command.good@good" in result.text
    else:
        assert result.code == 1, result.text
    mixed.await_quiet()


@pytest.mark.parametrize("mode", bounded(RUNS))
def test_a_host_that_lies_during_a_run(mixed: World, mode: str) -> None:
    result = measured(mixed, "apply", "-y", "--var", f"mode={mode}")
    assert result.code in (1, 5), result.text
    assert "error[AIVP06" in result.text, result.text
    assert mixed.lines().count("good") == (0 if mode.startswith("begin") else 1)
    mixed.await_quiet()
    (mixed.root / "honest").touch()  # the plan holds how the host is reached, so the liar itself has to mend its ways
    mixed.succeed("apply", *(["-y"] if mode.startswith("begin") else ["--resume"]))
    assert sorted(mixed.lines()) == ["bad", "good"]
    assert mixed.aivp("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("lie", ["garbage", "leave", "no_object", "wrong_id"])
def test_a_host_that_lies_when_all_is_done(mixed: World, lie: str) -> None:
    """Every outcome is known by then: the run is over, and the host is told so over a link of its own."""
    mixed.aivp("apply", "-y", "--var", f"mode=apply:{lie}")
    assert sorted(mixed.lines()) == ["bad", "good"]
    assert mixed.end_state()["open runs"] == []
    mixed.await_quiet()


@pytest.mark.parametrize("mode", ["start-silence", "hello:hang"])
def test_a_host_that_says_nothing_is_given_up(mixed: World, mode: str) -> None:
    liar = str(Path(__file__).parent / "liar.py")
    host = Host("bad", "exec", {"command": ["env", f"AIVP_HOST_STATE={mixed.root}/bad", sys.executable, liar, mode]})
    with (
        Sessions(lambda: build(Registry.discover()), silence=1.0) as sessions,
        pytest.raises(Refused, match="silent for 1 s"),
        sessions.visit(host) as session,
    ):
        greet(session, Owner("p", "e", None), {})
    mixed.await_quiet()
