"""Files → when the last of them was written."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable


def newest(paths: Iterable[Path]) -> float:
    """Seconds since the epoch, 0 where none is there: one may go while others are looked at."""
    times = [0.0]
    for path in paths:
        try:
            times.append(path.stat().st_mtime)
        except FileNotFoundError:
            continue
    return max(times)
