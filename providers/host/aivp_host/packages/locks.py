"""Waiting for the lock files of other programs, for tools that give up at once instead of waiting themselves."""

from __future__ import annotations

import fcntl
import os
import struct
import time
from typing import Iterable, Optional

from aivp_sdk import Temporary

_FLOCK = "hhqqi"
"""The C library's `struct flock` on Linux: type, whence, start, length, pid."""

_PAUSE = 0.2


def wait_for_locks(paths: Iterable[str], seconds: float) -> None:
    """Return once nobody holds any of these fcntl locks. Raises Temporary after `seconds`, naming the holder."""
    deadline = time.monotonic() + seconds
    for path in paths:
        while True:
            holder = lock_holder(path)
            if holder is None:
                break
            if time.monotonic() >= deadline:
                raise Temporary(f"{path} is held by process {holder} ({_program(holder)})", delay=10)
            time.sleep(_PAUSE)


def lock_holder(path: str) -> Optional[int]:
    """The process that holds the fcntl lock on this file. Asks only: taking the lock would get in others' way."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, wanted))
    finally:
        os.close(descriptor)
    return None if kind == fcntl.F_UNLCK else pid


def _program(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        return "unknown"
