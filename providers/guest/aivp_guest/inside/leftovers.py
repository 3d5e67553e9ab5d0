"""What this helper started, for the next one: whoever asked for it is out of reach once this one was killed.

A process is named by its number and the time it began, so that another one with the same number is left alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Optional

_FOLDER = "/run/aivp-guest"


def begun(pid: int) -> None:
    """Remember a child."""
    with contextlib.suppress(OSError):
        os.makedirs(_FOLDER, mode=0o700, exist_ok=True)
        with open(_place(pid), "w", encoding="ascii") as file:
            file.write(_start(pid) or "")


def ended(pid: int) -> None:
    """Forget it."""
    with contextlib.suppress(OSError):
        os.unlink(_place(pid))


def end() -> None:
    """End what an earlier helper left behind."""
    with contextlib.suppress(OSError):
        for name in os.listdir(_FOLDER):
            with open(os.path.join(_FOLDER, name), encoding="ascii") as file:
                start = file.read()
            if start and _start(int(name)) == start:
                with contextlib.suppress(OSError):
                    os.killpg(int(name), signal.SIGHUP)
                    os.killpg(int(name), signal.SIGTERM)
            ended(int(name))


def _place(pid: int) -> str:
    return os.path.join(_FOLDER, str(pid))


def _start(pid: int) -> Optional[str]:
    """Clock ticks from the boot to its start; None where it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
