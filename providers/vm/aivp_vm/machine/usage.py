"""What a process takes of its host: from /proc, whose numbers are ticks and pages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, Optional

_STARTED, _USER, _SYSTEM, _RESIDENT = 19, 11, 12, 21
"""Places in /proc/PID/stat behind the name, which may hold anything."""


def usage(pid: Optional[int]) -> Dict[str, Optional[float]]:
    """uptime: seconds since it began; cpu_seconds: of all its threads; resident: bytes. None where there is none."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        since_boot = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return {"uptime": None, "cpu_seconds": None, "resident": None}
    ticks = os.sysconf("SC_CLK_TCK")
    return {
        "uptime": round(since_boot - int(words[_STARTED]) / ticks, 2),
        "cpu_seconds": round((int(words[_USER]) + int(words[_SYSTEM])) / ticks, 2),
        "resident": int(words[_RESIDENT]) * os.sysconf("SC_PAGE_SIZE"),
    }
