"""The host's lock: a file that names the run whose session holds it. One session at a time changes anything here."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Callable, Optional

GRACE = 10.0
"""Seconds in which a lock that names no run yet, or an earlier one, may turn out to be that of the run in hand."""

_POLL = 0.05


def take(path: Path, run: str, resume: bool, is_cancelled: Callable[[], bool]) -> Optional[int]:
    """The descriptor that holds the lock until it is closed; None where another run has it.

    Whoever goes on with that very run waits: its engine is gone, and the runner that it left behind only brings the
    step in hand to its end.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    until = time.monotonic() + GRACE
    while not _locked(descriptor):
        is_ours = resume and (os.pread(descriptor, 64, 0) == run.encode() or time.monotonic() < until)
        if not is_ours or is_cancelled():
            os.close(descriptor)
            return None
        time.sleep(_POLL)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, run.encode(), 0)
    return descriptor


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
