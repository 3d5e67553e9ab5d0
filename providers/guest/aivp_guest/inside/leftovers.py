"""What this helper started, for the next one: whoever asked for it is out of reach once this one was killed.

A process is named by its number and the time it began, so that another one with the same number is left alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Optional

FOLDER = "/run/aivp-guest"


class Leftovers:
    """Names of processes, one file each, in a folder that ends with the boot."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def begun(self, pid: int) -> None:
        """Remember a child."""
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            with open(self._place(pid), "w", encoding="ascii") as file:
                file.write(_start(pid) or "")

    def ended(self, pid: int) -> None:
        """Forget it."""
        with contextlib.suppress(OSError):
            os.unlink(self._place(pid))

    def end(self) -> None:
        """End what an earlier helper left behind."""
        with contextlib.suppress(OSError):
            for name in os.listdir(self._folder):
                with open(os.path.join(self._folder, name), encoding="ascii") as file:
                    start = file.read()
                if start and _start(int(name)) == start:
                    with contextlib.suppress(OSError):
                        os.killpg(int(name), signal.SIGHUP)
                        os.killpg(int(name), signal.SIGTERM)
                self.ended(int(name))

    def _place(self, pid: int) -> str:
        return os.path.join(self._folder, str(pid))


def _start(pid: int) -> Optional[str]:
    """Clock ticks from the boot to its start; None where it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
