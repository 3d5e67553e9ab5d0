"""File systems of a guest that hold still while its disks are kept: a program in it freezes them, and lets go of them.

What it needs is in memory before it begins, since nothing can be relied on to be read while they hold still.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Iterator

from aivp_guest.client import Guest, GuestError

from . import places

_PATIENCE = 20
"""Seconds after which they go on, whatever became of whoever asked."""

_PROGRAM = """
import fcntl, os, select, sys
found, kinds = [], ('ext3', 'ext4', 'xfs', 'btrfs', 'f2fs')
for line in open('/proc/mounts'):
    device, place, kind = line.split()[:3]
    if kind in kinds and device.startswith('/dev/') and device not in [one[0] for one in found]:
        found.append((device, os.open(place.encode().decode('unicode_escape'), os.O_RDONLY)))
select.select([], [], [], 0)
os.sync()
held = []
try:
    for device, place in reversed(found):
        fcntl.ioctl(place, 0xC0045877, 0)
        held.append(place)
    os.write(1, b'held')
    select.select([0], [], [], PATIENCE)
finally:
    for place in reversed(held):
        fcntl.ioctl(place, 0xC0045878, 0)
""".replace("PATIENCE", str(_PATIENCE))


@contextlib.contextmanager
def quiet(folder: Path) -> Iterator[bool]:
    """Whether they hold still; where nobody in there can be asked, a snapshot is as after a power cut."""
    with contextlib.ExitStack() as stack:
        is_held = False
        with contextlib.suppress(GuestError, OSError):
            guest = stack.enter_context(Guest(folder / places.GUEST))
            guest.wait(5)
            talk = stack.enter_context(guest.start(["python3", "-c", _PROGRAM], _PATIENCE + 10))
            is_held = talk.read(4) == b"held"
        yield is_held
        if is_held:
            with contextlib.suppress(GuestError, OSError):
                talk.finish()
                talk.status()
