"""The child process: a batch of templates on stdin, one answer a line on stdout, and nothing else to reach.

It bounds itself before it reads a byte. Runs isolated (`python -I`); only this package, jinja2 and the standard
library are imported.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from types import FrameType
from typing import Any

from aivp.templates.names import Refused, free_names
from aivp.templates.sandbox import TooLarge, describe, environment, expand


class _OutOfTime(BaseException):
    """The processor time of one template is used up. No Exception, so that no template code can swallow it."""


def main() -> None:
    """Read the batch, answer every job, end."""
    _bound(resource.RLIMIT_CORE, 0)
    _bound(resource.RLIMIT_NOFILE, 64)
    request = json.loads(sys.stdin.buffer.read())
    limits = request["limits"]
    _bound(resource.RLIMIT_AS, limits["memory"])
    _bound(resource.RLIMIT_CPU, limits["cpu"])
    signal.signal(signal.SIGPROF, _out_of_time)
    jinja = environment()
    for job in request["jobs"]:
        answer = _answer(jinja, job, limits)
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


def _bound(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
    try:
        resource.setrlimit(what, (limit, limit))
    except (ValueError, OSError):
        pass  # not every system bounds everything; the parent's clock does


def _out_of_time(_signum: int, _frame: FrameType | None) -> None:
    raise _OutOfTime


def _answer(jinja: Any, job: dict[str, Any], limits: dict[str, int]) -> dict[str, Any]:
    signal.setitimer(signal.ITIMER_PROF, limits["cpu_each"])
    try:
        missing = free_names(jinja, job["source"], set(job["names"]))
        if missing is not None:
            return missing
        if job["vars"] is None:
            return {"fine": True}
        return {"text": expand(jinja, job["source"], job["vars"], limits["output_each"])}
    except Refused as refused:
        return refused.answer
    except TooLarge:
        return _problem("AIVP0823", f"The template {job['name']} gives more than {limits['output_each']} bytes.")
    except (MemoryError, RecursionError, OverflowError):
        return _problem("AIVP0823", f"The template {job['name']} needs too much memory, or its nesting is too deep.")
    except _OutOfTime:
        return _problem("AIVP0823", f"The template {job['name']} takes more than {limits['cpu_each']} s.")
    except Exception as error:  # noqa: BLE001 - whatever a template can raise is its author's mistake
        return {"mend": "", "column": 0, **describe(error, job["name"])}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _problem(code: str, why: str) -> dict[str, Any]:
    mend = "Make it smaller: less to repeat, fewer values at once."
    return {"code": code, "why": why, "mend": mend, "line": 0, "column": 0}
