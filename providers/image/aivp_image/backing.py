"""qcow2 files → the files that they lie on top of, from their headers: nothing is started, whoever holds them open."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Iterable, Optional

_MAGIC = b"QFI\xfb"
_HEADER = struct.Struct(">4sIQI")
_LONGEST = 1023


def is_below(folder: Path, disks: Iterable[Path]) -> bool:
    """Whether one of these disks lies on top of a file in `folder`."""
    inside = os.path.realpath(folder) + os.sep
    for disk in disks:
        found = backing_file(disk)
        if found is not None and os.path.realpath(found).startswith(inside):
            return True
    return False


def backing_file(disk: Path) -> Optional[str]:
    """The absolute path of what a qcow2 lies on top of; None for one that stands alone, and for anything else."""
    try:
        with open(disk, "rb") as file:
            head = file.read(_HEADER.size)
            if len(head) < _HEADER.size:
                return None
            magic, _, offset, size = _HEADER.unpack(head)
            if magic != _MAGIC or not offset or not 0 < size <= _LONGEST:
                return None
            file.seek(offset)
            name = os.fsdecode(file.read(size))
    except OSError:
        return None
    return os.path.join(os.path.dirname(os.path.abspath(disk)), name)
