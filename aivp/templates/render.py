"""A batch of templates → text or problems, through one child process that is bounded in every direction.

The child starts with an empty environment, gets the batch on stdin and answers line by line; where it dies, the
template in hand is to blame. The parent parses nothing but the answers.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from aivp_contract.canonical import encode
from aivp_contract.values import Json

_ROOT = Path(__file__).resolve().parents[2]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from aivp.templates.child import main; main()"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the child: processor seconds of one template and of all, wall seconds, bytes of memory and output."""

    cpu_each: int = 3
    cpu: int = 30
    wall: int = 60
    memory: int = 512 * 1024 * 1024
    output_each: int = 4 * 1024 * 1024


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Job:
    """One template: `source` is its text, `name` what messages call it, `names` the variables that it may use.

    vars: None where their values are not known yet; then the template is only looked at.
    """

    name: str
    source: str
    names: frozenset[str]
    vars: Mapping[str, Json] | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a template gives no text. `line` and `column` count from 1 in its source; 0 where nobody can say."""

    code: str
    why: str
    mend: str = ""
    line: int = 0
    column: int = 0


Result = str | None | Problem


def render(jobs: Sequence[Job], limits: Limits = DEFAULT_LIMITS) -> list[Result]:
    """The text of each job, None for one without values that is in order, or its problem; in the order of `jobs`."""
    if not jobs:
        return []
    answers = _run(_request(jobs, limits), limits)
    results: list[Result] = [_read(job, answer) for job, answer in zip(jobs, answers, strict=False)]
    if len(results) < len(jobs):
        results.append(_stopped(jobs[len(results)]))
    return results + [None if job.vars is None else _not_reached(job) for job in jobs[len(results) :]]


def _request(jobs: Sequence[Job], limits: Limits) -> bytes:
    listed = [
        {"name": j.name, "source": j.source, "names": sorted(j.names), "vars": None if j.vars is None else dict(j.vars)}
        for j in jobs
    ]
    return encode({"limits": asdict(limits), "jobs": listed})


def _run(request: bytes, limits: Limits) -> list[Json]:
    """The child's answers, as many whole ones as came within the limits."""
    import subprocess  # most commands start no child

    argv = [sys.executable, "-I", "-c", _START, str(_ROOT)]
    child = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"LC_ALL": "C"}, cwd="/"
    )
    assert child.stdin is not None
    assert child.stdout is not None
    watch = threading.Timer(limits.wall, child.kill)
    writer = threading.Thread(target=_write, args=(child.stdin, request), daemon=True)
    watch.start()
    writer.start()
    try:
        return _answers(child.stdout, 2 * limits.output_each * 8)
    finally:
        watch.cancel()
        child.kill()
        child.wait()
        writer.join()
        child.stdout.close()


def _write(stream: IO[bytes], data: bytes) -> None:
    try:
        with stream:
            stream.write(data)
    except OSError:
        pass  # the child is gone; its missing answers say so


def _answers(stream: IO[bytes], longest: int) -> list[Json]:
    found = []
    while (line := stream.readline(longest)).endswith(b"\n"):
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def _read(job: Job, answer: Json) -> Result:
    match answer:
        case {"text": str(text)} if job.vars is not None:
            return text
        case {"fine": True} if job.vars is None:
            return None
        case {"code": str(code), "why": str(why), "mend": str(mend), "line": int(line), "column": int(column)}:
            return Problem(code, why[:400], mend[:400], line, column)
        case _:
            return _stopped(job)


def _stopped(job: Job) -> Problem:
    why = f"The template {job.name} was stopped: it took too much time or memory, or its nesting is too deep."
    return Problem("AIVP0823", why, "Make it smaller, or work its values out before.")


def _not_reached(job: Job) -> Problem:
    return replace(
        _stopped(job),
        code="AIVP0825",
        why=f"The template {job.name} was not rendered: another one was stopped.",
        mend="",
    )
