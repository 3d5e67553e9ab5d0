"""The driver's program as a process: started here, or found and taken over; its end is awaited by pidfd."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Optional, Sequence

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


class Process:
    """One process. status: how it ended, as `subprocess` says it; None while it runs, and where nobody can know."""

    def __init__(self, pid: int, child: Optional[subprocess.Popen[bytes]] = None) -> None:
        """Raises ProcessLookupError for one that is gone."""
        self.pid = pid
        self.status: Optional[int] = None
        self.ended = asyncio.Event()
        self._child = child
        self._fd = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._fd, self._end)

    @classmethod
    def start(cls, argv: Sequence[str], folder: Path, log: Path) -> Process:
        """In a session of its own, so that it outlives us. Raises OSError where there is no such program."""
        with open(log, "wb") as output:
            child = subprocess.Popen(
                argv,
                cwd=folder,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(child.pid, child)

    def kill(self) -> None:
        """At once, and certainly this one."""
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._fd, signal.SIGKILL)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        if self._child is not None:
            self.status = self._child.wait()
        self.ended.set()
