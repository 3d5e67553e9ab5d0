"""A command that belongs to no declaration: run once under the run's lock and journal, by the shim that outlives us.

Asked again in the same run, it answers with what is recorded and starts nothing.
"""

from __future__ import annotations

from typing import Dict, List, Optional

from aivp_contract.values import Json
from aivp_sdk.errors import Interrupted, ProviderError
from aivp_sdk.process import Session

from .outcome import Outcome, Owner
from .store import HostStore

ACTION = "exec"


def execute(
    store: HostStore, session: Session, run: str, owner: Owner, step: str, argv: List[str], timeout: Optional[float]
) -> Dict[str, Json]:
    """`{code, stdout, stderr, truncated, timed_out}` of `argv`, or `{error: {class, message}}`.

    The journal keeps that it ran and how it ended; what it wrote goes to whoever asks and is not kept past the run.
    """
    store.intend(run, [(step, 1, ACTION)], owner)
    session.key = f"{run}/{step}"
    try:
        done = session.effect(argv, timeout=timeout)
    except ProviderError as error:
        name = "interrupted" if isinstance(error, Interrupted) else "permanent"
        store.conclude(run, [Outcome(step, 1, "failed", ACTION, None)])
        return {"error": {"class": name, "message": str(error)}}
    finally:
        session.key = ""
    status = "done" if done.code == 0 and not done.timed_out else "failed"
    store.conclude(run, [Outcome(step, 1, status, ACTION, None)])
    return {
        "code": done.code,
        "stdout": done.stdout,
        "stderr": done.stderr,
        "truncated": done.truncated,
        "timed_out": done.timed_out,
    }
