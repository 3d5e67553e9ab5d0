"""`kill -9` of the shim alone: what it had in hand ends as `on_interrupt` says, what it had not begun still runs."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.e2e.faults import traces
from tests.e2e.faults.projects import gate, note, project
from tests.e2e.faults.test_runs import begin, end, open_gate
from tests.e2e.faults.traces import Moment
from tests.e2e.faults.world import World

SEED = 20260801
EACH = 3 if os.environ.get("AIVP_TEST_ALL") == "1" else 0
"""Moments for each phase and policy in the full matrix."""

RUNS = "while its command runs"
ENDED = "between a command's end and the record of it"
IDLE = "with nothing in hand"
CLAIMED = "between the claim of a key and the start of its command"
PHASES = (RUNS, ENDED, IDLE, CLAIMED)

STEADY = (
    "close", "clone", "epoll_create1", "flock", "fsync", "ftruncate", "mkdir", "openat", "pidfd_open", "pipe2",
    "recvfrom", "rename", "sendto", "write",
)  # fmt: skip
"""Calls that come as often each time; how often it looks at a command's output is up to chance."""

POLICIES = ("fail", "retry", "accept")


def shim_of(world: World) -> int:
    """The process id of the one shim."""
    (found,) = [pid for pid in world.processes() if Path(f"/proc/{pid}/comm").read_text() == "aivp-shim\n"]
    return found


def start(world: World, policy: str) -> subprocess.Popen[str]:
    """Two commands, the first of which has begun and waits for the gate."""
    more = f", meta: {{on_interrupt: {policy}}}"
    world.declare(project(f"{gate('first', more=more)}\n{note('second', more=more)}"))
    return begin(world, line="first")


def finish(world: World, process: subprocess.Popen[str]) -> list[tuple[int, str]]:
    """(exit code, what was said) of the run and of the resumes that it takes; two of them are the most."""
    found = [end(process)]
    while found[-1][0] != 0 and len(found) < 4:
        resumed = world.aivp("apply", "--resume")
        found.append((resumed.code, resumed.text))
    world.await_quiet()
    return found


@pytest.mark.parametrize("policy", POLICIES)
def test_a_shim_that_dies_with_its_command_at_work(world: World, policy: str) -> None:
    """The run does not start another command beside it, and skips none that was never begun."""
    process = start(world, policy)
    os.kill(shim_of(world), signal.SIGKILL)
    open_gate(world)
    answers = finish(world, process)
    assert "AIVP0601" in answers[0][1], answers
    assert ("its outcome is unknown" in answers[0][1]) == (policy == "fail"), answers
    assert [code for code, _ in answers] == [5, 0], answers
    once = ["first", "first-ended"]
    assert world.lines() == [*once, *(() if policy == "accept" else once), "second"]
    assert world.end_state()["open runs"] == []


# --- At any moment -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> list[Moment]:
    """Every call of the shim from the opening of the gate on, when nobody kills it."""
    reason = traces.unavailable()
    if reason is not None:
        pytest.skip(reason)
    world = World(tmp_path_factory.mktemp("shim") / "world")
    log = world.root / "trace"
    process = start(world, "fail")
    tracing(world, log)
    open_gate(world)
    assert end(process)[0] == 0
    world.await_quiet()
    return _phases(log)


def tracing(world: World, log: Path, options: Sequence[str] = ()) -> None:
    """Attach a tracer to the shim."""
    command = ["strace", "-y", "-s", "400", "-o", str(log), "-e", "signal=none", *options, "-p", str(shim_of(world))]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    assert "attached" in tracer.stderr.readline()


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
def test_a_shim_that_dies_at_any_moment(
    tmp_path: Path, moments: list[Moment], policy: str, record_property: Callable[[str, object], None]
) -> None:
    histogram: Counter[str] = Counter()
    for phase in PHASES:
        candidates = [moment for moment in moments if moment.phase == phase]
        for number, moment in enumerate(random.Random(f"{SEED} {policy} {phase}").sample(candidates, EACH)):
            world = World(tmp_path / f"{len(histogram)}-{number}")
            process = start(world, policy)
            log = world.root / "trace"
            tracing(world, log, moment.options("KILL"))
            open_gate(world)
            answers = finish(world, process)
            assert traces.was_killed(log), moment
            check(world, policy, moment, answers)
            histogram[phase] += 1
    counts = ", ".join(f"{histogram[phase]} {phase}" for phase in PHASES)
    what = f"shim under on_interrupt: {policy} killed at {histogram.total()} moments (seed {SEED})"
    record_property("told", f"{what}: {counts}")


def check(world: World, policy: str, moment: Moment, answers: Sequence[tuple[int, str]]) -> None:
    """One command may be in hand; the other runs exactly once."""
    lines = Counter(world.lines())
    begun, ended = sorted((lines["first"], lines["second"])), (lines["first"], lines["first-ended"])
    said = "\n".join(text for _, text in answers)
    assert answers[-1][0] == 0, (moment, answers)
    assert ended[0] == ended[1], moment
    assert world.end_state()["open runs"] == []
    assert ("its outcome is unknown" in said) == (policy == "fail" and moment.phase != IDLE), (moment, said)
    if moment.phase == IDLE:
        assert begun == [1, 1], (moment, lines)
    elif policy == "accept":
        assert begun == ([0, 1] if moment.phase == CLAIMED else [1, 1]), (moment, lines)
    else:
        assert begun == ([1, 1] if moment.phase == CLAIMED else [1, 2]), (moment, lines)


def _phases(log: Path) -> list[Moment]:
    counts: Counter[str] = Counter()
    found: list[Moment] = []
    phase = RUNS
    for line in log.read_text(errors="replace").splitlines():
        call = re.match(r"(\w+)\((.*)", line)
        if call is None:
            continue
        counts[call[1]] += 1
        if call[1] in STEADY:
            found.append(Moment(call[1], counts[call[1]], phase))
        phase = _after(phase, call[1], call[2])
    return found


def _after(phase: str, name: str, rest: str) -> str:
    """The phase that a call leads to, once it has come back."""
    if name == "wait4":
        return ENDED
    if name in ("clone", "clone3", "vfork"):
        return RUNS
    if name == "rename":
        return IDLE if '/outcome"' in rest else CLAIMED
    return phase
