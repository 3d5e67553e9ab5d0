"""`kill -9` at seeded moments: after one resume everything is as without it, no command ran twice, nothing is left."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.faults import traces
from tests.e2e.faults.traces import PHASES, Moment
from tests.e2e.faults.world import World

SEED = 20260801
EACH = 7 if os.environ.get("AIVP_TEST_ALL") == "1" else 1
"""Moments for each phase and each of engine and runner: 70 in the full matrix, 14 of each phase."""

PROJECT = """
aivp: v1
project: faults
variables: {{root: {{type: string}}}}
hosts: {{here: {{transport: exec, command: ["${{var.root}}/channel"]}}}}
secrets: {{token: {{env: FAULT_TOKEN}}}}
resources:
  file.tree: {{state: directory, path: "${{var.root}}/target/tree", mode: "0750"}}
  file.part:
    for_each: {parts}
    path: "${{var.root}}/target/tree/${{each.key}}.txt"
    content: "${{each.value}}\\n"
    notify: [command.reload]
  file.secret: {{path: "${{var.root}}/target/tree/secret", content: "{word} ${{secret.token}}", mode: "0600"}}
  file.steady: {{path: "${{var.root}}/target/steady", content: "as ever\\n", mode: "0640"}}
  command.once: {{shell: 'echo once >> "${{var.root}}/ledger"'}}
  command.changed: {{shell: 'echo changed {word} >> "${{var.root}}/ledger"'}}
  command.reload: {{shell: 'echo reload {word} >> "${{var.root}}/ledger"', refresh_only: true}}
  noop.mark: {{input: {word}}}
{more}
"""
FIRST = PROJECT.format(parts="{a: one, b: two, c: three}", word="first", more="")
SECOND = PROJECT.format(
    parts="{a: uno, c: three, d: four}",
    word="second",
    more="""
  command.guarded:
    shell: 'echo guarded >> "${var.root}/ledger"; echo done > "${var.root}/target/guarded"'
    creates: "${var.root}/target/guarded"
  command.slow: {shell: 'echo slow >> "${var.root}/ledger"; sleep 0.4; echo slept >> "${var.root}/target/slept"'}
  command.new:
    for_each: {x: "1", y: "2"}
    shell: 'echo new ${each.key} >> "${var.root}/ledger"; echo "said ${each.value}"'
""",
)
CHANNEL = """#!/bin/sh
# The way to the host's python3; under a tracer where a test asks for one.
shift
if [ -f "{root}/tracer" ]; then
  mv "{root}/tracer" "{root}/tracer.used"  # the first session only: whoever comes after a kill is not killed
  exec $(cat "{root}/tracer.used") "{python}" "$@"
fi
exec "{python}" "$@"
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    reason = traces.unavailable()
    if reason is not None:
        pytest.skip(reason)
    built = Stage(tmp_path_factory.mktemp("kills"))
    yield built
    built.world.clean_up()


class Stage:
    """A project that was applied once, changed, and planned again; its unfaulted end; the calls on the way there."""

    def __init__(self, folder: Path) -> None:
        import sys

        self.world = World(folder / "world")
        self.saved = folder / "saved"
        self.log = folder / "trace"
        world = self.world
        channel = world.root / "channel"
        channel.write_text(CHANNEL.format(root=world.root, python=sys.executable))
        channel.chmod(0o755)
        world.declare(FIRST)
        world.succeed("apply", "-y")
        (world.target / "steady").chmod(0o600)  # drift, to be mended
        world.declare(SECOND)
        world.succeed("plan", "-o", "plan.json")
        world.await_quiet()
        world.save(self.saved)
        self.begun_with = set(world.lines())
        self.moments = {"runner": self._runner(), "engine": self._engine()}

    def _runner(self) -> list[Moment]:
        """The unfaulted run, with the runner under the tracer; its end is what all others are held to."""
        self._trace_runner([])
        self.world.succeed("apply", "plan.json")
        (self.world.root / "tracer.used").unlink()
        self.world.await_quiet()
        self.end = self.world.end_state()
        return traces.runner_moments(self.log, self.world.target)

    def _engine(self) -> list[Moment]:
        self.world.restore(self.saved)
        result = self.world.aivp("apply", "plan.json", before=tuple(traces.tracer(self.log)))
        assert result.code == 0, result.text
        self.world.await_quiet()
        assert self.world.end_state() == self.end
        return traces.engine_moments(self.log)

    def _trace_runner(self, options: list[str]) -> None:
        (self.world.root / "tracer").write_text(" ".join(traces.tracer(self.log, options)))

    def kill(self, who: str, moment: Moment) -> None:
        """Apply, and kill engine or runner at `moment`."""
        self.world.restore(self.saved)
        if who == "runner":
            self._trace_runner(moment.options())
            result = self.world.aivp("apply", "plan.json")
            (self.world.root / "tracer.used").unlink()
            assert result.code in (0, 1, 5), result.text
        else:
            result = self.world.aivp("apply", "plan.json", before=tuple(traces.tracer(self.log, moment.options())))
            assert result.code == -9, result.text
        assert traces.was_killed(self.log), f"{who} lived past {moment}"

    def mend(self) -> None:
        """One resume; where no run was left open, the plan itself."""
        result = self.world.aivp("apply", "--resume")
        if "AIVP0510" in result.text:
            result = self.world.aivp("apply", "-y")
        assert result.code == 0, result.text


def drawn(stage: Stage, who: str) -> list[Moment]:
    """The same moments for the same seed, as many of each phase."""
    found = []
    for phase in PHASES:
        candidates = [moment for moment in stage.moments[who] if moment.phase == phase]
        assert len(candidates) >= EACH, f"{who}: only {len(candidates)} moments {phase}"
        found.extend(random.Random(f"{SEED} {who} {phase}").sample(candidates, EACH))
    return found


@pytest.mark.parametrize("who", ["engine", "runner"])
def test_a_kill_at_any_moment_is_mended_by_one_resume(
    stage: Stage, who: str, record_property: Callable[[str, object], None]
) -> None:
    histogram: Counter[str] = Counter()
    for moment in drawn(stage, who):
        stage.kill(who, moment)
        stage.mend()
        stage.world.await_quiet()
        assert stage.world.end_state() == stage.end, moment
        assert len(set(stage.world.lines())) == len(stage.world.lines()), moment
        stage.world.check_provenance()
        histogram[moment.phase] += 1
    counts = ", ".join(f"{histogram[phase]} {phase}" for phase in PHASES)
    record_property("told", f"{who} killed at {histogram.total()} moments (seed {SEED}): {counts}")


def test_without_a_fault_the_next_plan_is_empty(stage: Stage) -> None:
    stage.world.restore(stage.saved)
    stage.world.succeed("apply", "plan.json")
    assert stage.world.aivp("plan", "--detailed-exitcode").code == 0
