"""When apt's lists were last brought up to date: read from, and left in, the times of apt's own files.

Measured with apt 2.6: `apt-get update` touches the folder of the lists only where some list has changed; an update that
finds nothing new leaves no trace, and one that fails for one source may have touched it for another. So `mark` speaks
after each of our own updates, and the stamps of apt's timers count beside it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import List, Optional

from .ages import newest

_CLOCK_SKEW = 60


def age(root: Path, now: float) -> Optional[int]:
    """Seconds since the last update; None if there are no lists, or if a source was changed after it."""
    periodic = root / "var/lib/apt/periodic"
    refreshed = newest([_lists(root), periodic / "update-stamp", periodic / "update-success-stamp"])
    # The folder tells of a source that was removed.
    parts = root / "etc/apt/sources.list.d"
    changed = newest([root / "etc/apt/sources.list", parts, *_entries(parts)])
    if is_empty(root) or changed > refreshed or refreshed > now + _CLOCK_SKEW:
        return None
    return max(int(now - refreshed), 0)


def mark(root: Path, succeeded: bool) -> None:
    """Note the end of an update: fresh as of now, or in need of another."""
    os.utime(_lists(root), None if succeeded else (0, 0))


def is_empty(root: Path) -> bool:
    """True where there is no list at all, as in an image that was cleaned."""
    return not any(entry.name != "lock" and not entry.is_dir() for entry in _entries(_lists(root)))


def _lists(root: Path) -> Path:
    return root / "var/lib/apt/lists"


def _entries(folder: Path) -> List[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
