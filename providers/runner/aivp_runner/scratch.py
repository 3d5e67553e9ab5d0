"""A folder for the temporary files of one child process: gone with it, and swept by the next one where we were killed.

Whoever has one holds its lock, so that what nobody holds is a leftover.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

_PREFIX = "tmp-"
_YOUNG = 60.0
"""Seconds in which a folder may have been made, and not be held yet."""


class Scratch:
    """Made on creation, below `directory`; `path` is where."""

    def __init__(self, directory: str) -> None:
        _sweep(Path(directory))
        self.path = tempfile.mkdtemp(prefix=_PREFIX, dir=directory)
        self._held = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Away with all that is in it; once is enough."""
        if self._held >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._held)
            self._held = -1


def _sweep(directory: Path) -> None:
    """Those of processes that were killed before they could."""
    for path in directory.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime < _YOUNG:
                continue
            held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(held)
