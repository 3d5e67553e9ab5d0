"""`kill -9` at seeded moments: after one resume everything is as without it, no command ran twice, nothing is left."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.e2e.faults import traces
from tests.e2e.faults.stage import Stage
from tests.e2e.faults.traces import COMMIT, EFFECT, PHASES, Moment

Tell = Callable[[str, object], None]

SEED = 20260801
IS_FULL = os.environ.get("AIVP_TEST_ALL") == "1"
EACH = 10 if IS_FULL else 1
"""Moments of an apply for each phase, for the engine and again for the runner."""
FEWER = 4 if IS_FULL else 1
"""The same for kills of both at once, and for a destroy."""
LOOKS = 10 if IS_FULL else 1
"""Moments of a plan, for the engine and again for the runner."""


@pytest.fixture(scope="module", autouse=True)
def _strace() -> None:
    reason = traces.unavailable()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def applying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    built = Stage(tmp_path_factory.mktemp("kills"), ("apply", "plan.json"), before=[("plan", "-o", "plan.json")])
    yield built
    built.world.clean_up()


@pytest.fixture(scope="module")
def destroying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    built = Stage(tmp_path_factory.mktemp("kills"), ("destroy", "-y"), before=[("apply", "-y")])
    yield built
    built.world.clean_up()


@pytest.fixture(scope="module")
def planning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    built = Stage(tmp_path_factory.mktemp("kills"), ("plan", "-o", "plan.json"))
    yield built
    built.world.clean_up()


def kills(stage: Stage, who: str, each: int, phases: Sequence[str] = PHASES, *, is_both: bool = False) -> Counter[str]:
    """Kill, mend and check at the same moments for the same seed, `each` of every phase; kills by phase come back.

    A call that did not come about this time, such as the last of many reads from a pipe, gives way to another one, and
    is tried once more at the end.
    """
    histogram: Counter[str] = Counter()
    for phase in phases:
        candidates = [moment for moment in stage.moments[who] if moment.phase == phase]
        random.Random(f"{SEED} {' '.join(stage.command)} {who} {phase}").shuffle(candidates)
        missed: list[Moment] = []
        while histogram[phase] < each:
            assert candidates or missed, f"{who}: only {histogram[phase]} moments {phase}"
            is_again = not candidates
            moment = (missed if is_again else candidates).pop()
            if stage.kill_both(who, moment) if is_both else stage.kill(who, moment):
                stage.mend()
                stage.check(moment)
                histogram[phase] += 1
            elif not is_again:
                missed.append(moment)
    return histogram


def told(what: str, histogram: Counter[str]) -> tuple[str, str]:
    """The line that the run of the tests ends with."""
    counts = ", ".join(f"{histogram[phase]} {phase}" for phase in PHASES if histogram[phase])
    return "told", f"{what} killed at {histogram.total()} moments (seed {SEED}): {counts}"


@pytest.mark.parametrize("who", ["engine", "runner"])
def test_a_kill_at_any_moment_is_mended_by_one_resume(applying: Stage, who: str, record_property: Tell) -> None:
    record_property(*told(who, kills(applying, who, EACH)))


@pytest.mark.parametrize("halted", ["engine", "runner"])
def test_a_kill_of_both_at_once_is_mended_by_one_resume(applying: Stage, halted: str, record_property: Tell) -> None:
    """As when the machine that both are on is reset, but for the disk."""
    histogram = kills(applying, halted, FEWER, PHASES if IS_FULL else (COMMIT,), is_both=True)
    record_property(*told(f"engine and runner at once (by the {halted}'s phase)", histogram))


@pytest.mark.parametrize("who", ["engine", "runner"])
def test_a_kill_while_destroying_is_mended_by_one_resume(destroying: Stage, who: str, record_property: Tell) -> None:
    histogram = kills(destroying, who, FEWER, PHASES if IS_FULL else (EFFECT,))
    record_property(*told(f"{who} of a destroy", histogram))


@pytest.mark.parametrize("who", ["engine", "runner"])
def test_a_kill_while_observing_changes_nothing(planning: Stage, who: str, record_property: Tell) -> None:
    """The next plan needs no resume, and is the plan that would have been made."""
    world = planning.world
    world.restore(planning.saved)
    before = world.end_state()
    world.succeed("plan", "-o", "plan.json")
    expected = (world.project / "plan.json").read_bytes()
    moments = random.Random(f"{SEED} {who}").sample(planning.moments[who], LOOKS)
    for moment in moments:
        assert planning.kill(who, moment), f"{who} lived past {moment}"
        world.await_quiet()
        for path in world.project.glob("plan.json*"):
            path.unlink()
        assert world.end_state() == before, moment
        world.succeed("plan", "-o", "plan.json")
        assert (world.project / "plan.json").read_bytes() == expected, moment
    world.succeed("apply", "plan.json")
    what = f"{who} of a plan killed at {len(moments)} moments (seed {SEED})"
    record_property("told", f"{what}: no effect, nothing to resume")


def test_without_a_fault_the_next_plan_is_empty(applying: Stage) -> None:
    applying.world.restore(applying.saved)
    applying.world.succeed("apply", "plan.json")
    assert applying.world.aivp("plan", "--detailed-exitcode").code == 0
