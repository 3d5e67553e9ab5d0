"""What a runner or an engine does, system call by system call → moments at which to kill it, each with its phase.

strace counts the calls of a process's first thread, in which the lane and every commit run. A moment is the n-th call
of one name; the process is killed as it enters that call.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    "read,write,pwrite64,fdatasync,fsync,rename,renameat,unlink,unlinkat,rmdir,mkdir,mkdirat,fchmod,sendto,recvfrom"
    ",openat"
)

EFFECT = "inside an effect"
BETWEEN = "between effect and outcome"
COMMIT = "while committing"
CLEANUP = "while cleaning up"
BEGIN = "while beginning"
OTHER = "before anything is recorded"
PHASES = (BEGIN, EFFECT, BETWEEN, COMMIT, CLEANUP)

_CALL = re.compile(r"(\w+)\((.*)")
_CHANGES = ("mkdirat", "renameat", "fchmod", "fsync", "unlinkat", "write", "sendto", "recvfrom")


@dataclass(frozen=True)
class Moment:
    """The `number`-th call of `name` in a process."""

    name: str
    number: int
    phase: str

    def options(self, signal: str) -> list[str]:
        """For strace, to send it just there."""
        return ["-e", f"inject={self.name}:signal={signal}:when={self.number}"]


def unavailable() -> str | None:
    """Why nothing can be traced here; None if it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"strace cannot trace here: {tried.stderr.strip()[:100]}"


def tracer(log: Path, options: Sequence[str] = ()) -> list[str]:
    """The command to put in front of another one."""
    return ["strace", "-y", "-s", "400", "-o", str(log), "-e", f"trace={CALLS}", "-e", "signal=STOP", *options]


def runner_moments(log: Path, target: Path) -> list[Moment]:
    """Every call of a runner's lane with its phase."""
    return list(_numbered(log, _runner_phases(_calls(log), str(target))))


def engine_moments(log: Path) -> list[Moment]:
    """Every call of an engine with its phase."""
    return list(_numbered(log, _engine_phases(_calls(log))))


def was_killed(log: Path) -> bool:
    """True where the last call of the trace never came back."""
    return log.read_text(errors="replace").rstrip().endswith("= ?")


def was_halted(log: Path) -> bool:
    """True once the process stands still."""
    return log.exists() and "--- stopped by SIGSTOP ---" in log.read_text(errors="replace")


def _calls(log: Path) -> list[tuple[str, str]]:
    matches = (_CALL.match(line) for line in log.read_text(errors="replace").splitlines())
    return [(match[1], match[2]) for match in matches if match is not None]


def _numbered(log: Path, phases: Sequence[str]) -> Iterator[Moment]:
    counts: Counter[str] = Counter()
    for (name, _), phase in zip(_calls(log), phases, strict=True):
        counts[name] += 1
        yield Moment(name, counts[name], phase)


def _runner_phases(calls: Sequence[tuple[str, str]], target: str) -> list[str]:
    """Between two commits: inside an effect up to the last call that changes something, then after it."""
    found = [OTHER] * len(calls)
    start = next((i for i, call in enumerate(calls) if _says(call, '\\"result\\":{\\"journal\\"')), len(calls))
    end = next((i for i, call in enumerate(calls) if _says(call, '\\"left\\":0')), len(calls))
    span: list[int] = []
    has_begun = False
    greeted = next((i for i, call in enumerate(calls) if _says(call, '\\"facts\\"')), len(calls))
    for i in range(greeted + 1, min(start + 1, len(calls))):
        found[i] = BEGIN
    for i in range(start + 1, len(calls)):
        name, rest = calls[i]
        is_commit = name in ("pwrite64", "fdatasync") and "host.db" in rest
        if i >= end:
            found[i] = CLEANUP
        elif is_commit:
            _settle(calls, span, found, target)
            found[i] = COMMIT if has_begun else OTHER
            if name == "pwrite64" and span and _changed(calls, span, target):
                found[i] = BETWEEN  # nothing of the outcome is written yet
            if name == "fdatasync":
                has_begun = True
            span = []
        elif has_begun:
            span.append(i)
            if name == "write" and "outcomes" in rest:
                found[i] = BETWEEN  # known to the host, not to the engine
    _settle(calls, span, found, target)
    return found


def _settle(calls: Sequence[tuple[str, str]], span: Sequence[int], found: list[str], target: str) -> None:
    changing = _changed(calls, span, target)
    for i in span:
        if changing and found[i] == OTHER:
            found[i] = EFFECT if changing[0] <= i <= changing[-1] else BETWEEN if i > changing[-1] else OTHER


def _changed(calls: Sequence[tuple[str, str]], span: Sequence[int], target: str) -> list[int]:
    """The calls of a span that bring an effect about, or wait for it."""
    return [
        i for i in span if calls[i][0] in _CHANGES and (target in calls[i][1] or calls[i][0] in ("sendto", "recvfrom"))
    ]


def _engine_phases(calls: Sequence[tuple[str, str]]) -> list[str]:
    """From the first `apply` on: waiting for a host, writing down what it said, and ending the run."""
    found = [OTHER] * len(calls)
    has_begun = is_ending = has_heard = is_recorded = False
    for i, call in enumerate(calls):
        name, rest = call
        has_begun = has_begun or _says(call, '\\"method\\":\\"apply\\"')
        is_ending = is_ending or _says(call, '\\"method\\":\\"end\\"')
        if is_ending:
            found[i] = CLEANUP
        elif not has_begun:
            is_recorded = is_recorded or (name == "pwrite64" and "state.db" in rest)
            found[i] = BEGIN if is_recorded else OTHER
        elif name == "read" and "<pipe:" in rest:
            found[i], has_heard = EFFECT, True
        elif name in ("pwrite64", "fdatasync") and "state.db" in rest:
            found[i], has_heard = BETWEEN if has_heard and name == "pwrite64" else COMMIT, False
        else:
            found[i] = BETWEEN if has_heard else EFFECT
    return found


def _says(call: tuple[str, str], text: str) -> bool:
    return call[0] == "write" and text in call[1]
