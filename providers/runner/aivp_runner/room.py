"""Whether this host can keep a journal: looked at when it is greeted, so that one that cannot stops nobody else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

LEAST = 16 * 1024
"""Bytes: less than what the first intent takes."""


def trouble(base: Optional[Path]) -> str:
    """Why no journal can be kept in `base` (no-state, read-only, full), empty where it can. Changes nothing."""
    if base is None:
        return "no-state"
    if not os.access(base, os.W_OK):
        return "read-only"
    found = os.statvfs(base)
    return "full" if found.f_bavail * found.f_frsize < LEAST else ""
