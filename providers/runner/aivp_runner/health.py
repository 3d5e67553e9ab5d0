"""What a person wants to know of a host before anything is applied there; a look that leaves nothing behind."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Dict, Optional

from aivp_contract.values import Json


def look(base: Optional[Path]) -> Dict[str, Json]:
    """`{time_ms, folder, problem, free}`: Unix time; the state folder, empty where there can be none; why it cannot be
    written, empty where it can; bytes that are free there, -1 where nobody can say.
    """
    return {
        "time_ms": time.time_ns() // 1_000_000,
        "folder": "" if base is None else str(base),
        "problem": "" if base is None else _problem(base),
        "free": -1 if base is None else _free(base),
    }


def _problem(base: Path) -> str:
    """A file is written to the disk and taken away: a full disk lets files be made that it cannot fill."""
    try:
        with tempfile.TemporaryFile(dir=base) as file:
            file.write(b"\0" * 65536)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return str(error.strerror or error)
    return ""


def _free(base: Path) -> int:
    try:
        found = os.statvfs(base)
    except OSError:
        return -1
    return found.f_bavail * found.f_frsize
