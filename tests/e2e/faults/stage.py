"""A world just before one command, the end that it leads to, the calls on the way there, and kills on that way."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.e2e.faults import traces
from tests.e2e.faults.traces import Moment
from tests.e2e.faults.world import PATIENCE, World

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
  mv "{root}/tracer" "{root}/tracer.used"  # one session only: whoever comes after a kill is not killed
  exec $(cat "{root}/tracer.used") "{python}" "$@"
fi
exec "{python}" "$@"
"""


class Stage:
    """FIRST is applied, something drifted, SECOND is declared; `command` comes next, after `before`.

    `moments`: who ("engine", "runner") → every call of an unfaulted `command`; `end` is how that leaves the world.
    """

    def __init__(self, folder: Path, command: Sequence[str], before: Sequence[Sequence[str]] = ()) -> None:
        self.world = World(folder / "world")
        self.command = tuple(command)
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
        for arguments in before:
            world.succeed(*arguments)
        world.await_quiet()
        world.save(self.saved)
        self.moments = {"runner": self._runner(), "engine": self._engine()}

    def _runner(self) -> list[Moment]:
        """The unfaulted way, with the runner under the tracer; its end is what all others are held to."""
        self._trace_runner([])
        self.world.succeed(*self.command)
        (self.world.root / "tracer.used").unlink()
        self.world.await_quiet()
        self.end = self.world.end_state()
        return traces.runner_moments(self.log, self.world.target)

    def _engine(self) -> list[Moment]:
        self.world.restore(self.saved)
        result = self.world.aivp(*self.command, before=tuple(traces.tracer(self.log)))
        assert result.code == 0, result.text
        self.world.await_quiet()
        assert self.world.end_state() == self.end
        return traces.engine_moments(self.log)

    def _trace_runner(self, options: list[str]) -> None:
        (self.world.root / "tracer").write_text(" ".join(traces.tracer(self.log, options)))

    def _start(self, who: str, options: list[str]) -> subprocess.Popen[str]:
        """Start the command anew, with `who` under a tracer."""
        self.world.restore(self.saved)
        self.log.unlink(missing_ok=True)  # what it said of an earlier process must not be taken for this one's
        if who == "runner":
            self._trace_runner(options)
            return self.world.start(*self.command)
        return self.world.start(*self.command, before=tuple(traces.tracer(self.log, options)))

    def _finish(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        text, _ = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in text, text
        (self.world.root / "tracer.used").unlink(missing_ok=True)
        return process.returncode, text

    def kill(self, who: str, moment: Moment) -> bool:
        """Give the command, and kill engine or runner as it enters that call. False if there was no such call."""
        code, text = self._finish(self._start(who, moment.options("KILL")))
        if not traces.was_killed(self.log):
            assert code == 0, text
            return False
        assert code in ((0, 1, 5) if who == "runner" else (-9,)), text
        return True

    def kill_both(self, who: str, moment: Moment) -> bool:
        """Give the command, halt one of the two in that call, and kill both while it stands still."""
        process = self._start(who, moment.options("STOP"))
        until = time.monotonic() + PATIENCE
        while process.poll() is None and not traces.was_halted(self.log):
            assert time.monotonic() < until, f"{who} neither ended nor was halted at {moment}"
            time.sleep(0.005)
        for pid in list(self._engine_and_runner()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        code, text = self._finish(process)
        assert code == (-9 if traces.was_halted(self.log) else 0), text
        return code != 0

    def _engine_and_runner(self) -> Iterator[int]:
        """Their processes, but no tracer, shim or command."""
        for pid in self.world.processes():
            try:
                name = Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:  # ended meanwhile
                continue
            if name == "aivp" or name.startswith("python"):
                yield pid

    def mend(self) -> None:
        """One resume; where no run was left open, the command itself."""
        result = self.world.aivp("apply", "--resume")
        if "AIVP0510" in result.text:
            result = self.world.aivp(*(self.command if "destroy" in self.command else ("apply", "-y")))
        assert result.code == 0, result.text

    def check(self, moment: Moment) -> None:
        """Everything is as after the unfaulted command, each command ran once, and no process is left."""
        self.world.await_quiet()
        assert self.world.end_state() == self.end, moment
        assert not [line for line, count in Counter(self.world.lines()).items() if count > 1], moment
        self.world.check_provenance()
