"""Whole processes from outside: CPU and wall seconds and peak memory, by the kernel's own accounting."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians over the runs. cpu and wall in seconds, of the process and all children it waited for; peak in MiB, of
    the largest of them."""

    cpu: float
    wall: float
    peak: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.cpu:.2f} s CPU, {self.peak:.0f} MiB)"


def measure(
    argv: Sequence[str], cwd: Path, *, runs: int = 1, env: Mapping[str, str] | None = None, codes: Sequence[int] = (0,)
) -> Figures:
    """Run `argv` and measure it. Raises RuntimeError with its output where it ends with an unexpected code."""
    found = [_once(argv, cwd, {**os.environ, **(env or {})}, codes) for _ in range(runs)]
    return median(found)


def median(found: Sequence[Figures]) -> Figures:
    """Of each figure by itself."""
    return Figures(*(statistics.median(getattr(item, name) for item in found) for name in ("cpu", "wall", "peak")))


def _once(argv: Sequence[str], cwd: Path, env: Mapping[str, str], codes: Sequence[int]) -> Figures:
    log = cwd / ".bench.log"
    with log.open("wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            argv, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        raise RuntimeError(f"{argv[0]} ended with {process.returncode}: {log.read_text(errors='replace')[-2000:]}")
    return Figures(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)
