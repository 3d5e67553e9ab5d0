"""A folder or a disk → the disk of an image: ext4 of a folder, and disks in another form or size."""

from __future__ import annotations

import os
import re
import sys
import uuid
from pathlib import Path
from typing import List, Optional

from aivp_sdk import Permanent

from . import extract_owners
from .declaration import Disk
from .disk_header import LARGEST, inspect_qcow2
from .workshop import Workshop

_TIME = 1_000_000_000
"""When a file system says that it was made: nothing of the day it was, so that the same tree gives the same bytes."""
_PERCENT = re.compile(r"\(\s*([0-9.]+)/100%\)")


def write_ext4(workshop: Workshop, root: Path, owners: Path, size: int, into: Path, seed: str) -> None:
    """A file system of `size` bytes with what lies in `root`, owned as the list `owners` says.

    seed: from which its ids follow, so that they do not differ from build to build.
    """
    own = uuid.uuid5(uuid.NAMESPACE_OID, seed)
    mke2fs = workshop.program("mke2fs", "e2fsprogs")
    made = [
        *(mke2fs, "-q", "-F", "-t", "ext4", "-L", "root", "-U", str(own), "-m", "1", "-b", "4096"),
        *("-E", f"hash_seed={uuid.uuid5(own, 'hash')},lazy_itable_init=1,lazy_journal_init=1", "-d", str(root)),
        *(str(into), f"{size // 4096 * 4}k"),
    ]
    argv = [sys.executable, "-I", extract_owners.__file__, str(root), str(owners), "--", *made]
    if not workshop.is_root:
        argv = [workshop.program("fakeroot", "fakeroot"), "--", *argv]
    mend = f"What does not fit into {size} bytes needs a larger disk: `disk: {{size: …}}`."
    env = {"E2FSPROGS_FAKE_TIME": str(_TIME), "MKE2FS_DETERMINISTIC": "1"}
    workshop.run(argv, doing="writing the file system", env=env, mend=mend)


def convert(workshop: Workshop, source: Path, source_format: str, into: Path, disk: Disk) -> None:
    """Another form of a disk."""
    options: List[str] = []
    if disk.format == "qcow2" and disk.compress:
        options = ["-c", "-o", "compression_type=zstd"]
    img = workshop.program("qemu-img", "qemu-utils")
    argv = [img, "convert", "-p", "-f", source_format, "-O", disk.format, *options, str(source), str(into)]
    workshop.run(argv, doing="writing the disk", said=_far)


def resize(workshop: Workshop, disk: Path, disk_format: str, size: int) -> None:
    """Make a disk look larger, never smaller."""
    img = workshop.program("qemu-img", "qemu-utils")
    workshop.run([img, "resize", "-f", disk_format, str(disk), str(size)], doing="resizing the disk")


def inspect(path: Path, disk_format: str) -> int:
    """How large a foreign disk looks, in bytes. Raises Permanent where it is none, or names other files."""
    if disk_format == "qcow2":
        return inspect_qcow2(path)
    size = os.path.getsize(path)
    if not 0 < size <= LARGEST:
        raise Permanent(f"a disk of {size} bytes is none", path="/source")
    return size


def _far(line: str) -> Optional[str]:
    found = _PERCENT.search(line)
    return f"writing the disk, {found[1]}%" if found else None
