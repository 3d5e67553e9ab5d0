"""Who holds a file: the id of the process that has a POSIX lock on it, told by the kernel.

QEMU locks its pid file, the supervisor its lock file. So there is no id that could belong to somebody else by now, and
looking disturbs nobody, as trying a lock would.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path
from typing import Optional

_FLOCK = "hhqqi4x"


def holder(path: Path) -> Optional[int]:
    """The process that holds a lock on `path`; None where nobody does, or there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        asked = struct.pack(_FLOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return pid if kind != fcntl.F_UNLCK and pid > 0 else None


def hold(path: Path) -> Optional[int]:
    """Take the lock for as long as this process lives; the descriptor, or None where another one has it.

    A process that closes any descriptor of the file loses its lock: nobody opens it a second time.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
