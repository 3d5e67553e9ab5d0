"""A folder or a disk → the disk of an image: ext4 of a folder, qcow2 of bytes. What a disk says of itself is inspected.

A qcow2 can name other files, which QEMU would open as whoever runs it: foreign ones that do are refused.
"""

from __future__ import annotations

import json
import os
import re
import sys
import uuid
from pathlib import Path
from typing import Any, Dict, List, Optional

from aivp_sdk import Permanent

from . import extract_owners
from .declaration import Disk
from .workshop import Workshop

_PERCENT = re.compile(r"\(\s*([0-9.]+)/100%\)")
_QCOW2 = b"QFI\xfb"
LARGEST = 64 * 1024**4
"""Bytes that a disk may seem to have."""


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
    workshop.run(argv, doing="writing the file system", mend=mend)


def convert(
    workshop: Workshop,
    source: Path,
    source_format: str,
    into: Path,
    disk: Disk,
    snapshot: Optional[str] = None,
) -> None:
    """Another form of a disk, its backing files flattened into it."""
    options: List[str] = []
    if disk.format == "qcow2" and disk.compress:
        options = ["-c", "-o", "compression_type=zstd"]
    if snapshot is not None:
        options += ["-l", f"snapshot.name={snapshot}"]
    img = workshop.program("qemu-img", "qemu-utils")
    argv = [img, "convert", "-p", "-f", source_format, "-O", disk.format, *options, str(source), str(into)]
    workshop.run(argv, doing="writing the disk", said=_far)


def resize(workshop: Workshop, disk: Path, disk_format: str, size: int) -> None:
    """Make a disk look larger, never smaller."""
    img = workshop.program("qemu-img", "qemu-utils")
    workshop.run([img, "resize", "-f", disk_format, str(disk), str(size)], doing="resizing the disk")


def seems(path: Path) -> str:
    """qcow2 or raw, as its first bytes say."""
    with open(path, "rb") as file:
        return "qcow2" if file.read(4) == _QCOW2 else "raw"


def inspect(workshop: Workshop, path: Path, disk_format: str) -> int:
    """How large a foreign disk looks, in bytes. Raises Permanent where it is none, or would read other files."""
    if disk_format == "raw":
        return os.path.getsize(path)
    if seems(path) != "qcow2":
        raise Permanent("the disk is no qcow2", path="/source/format", mend="Declare `format: raw`, if it is one.")
    about = describe(workshop, path)
    specific = about.get("format-specific", {}).get("data", {})
    mend = "Flatten it where it comes from: qemu-img convert -O qcow2 OLD NEW"
    for found, what in (
        (about.get("backing-filename") or about.get("full-backing-filename"), "lies on top of another file"),
        (specific.get("data-file") or specific.get("data-file-raw"), "keeps its data in another file"),
        (about.get("encrypted") or specific.get("encrypt"), "is encrypted"),
        (specific.get("corrupt"), "says that it is damaged"),
    ):
        if found:
            raise Permanent(f"the qcow2 {what}: it is not taken", path="/source", mend=mend)
    size = about.get("virtual-size")
    if type(size) is not int or not 0 < size <= LARGEST:
        raise Permanent(f"the qcow2 says that it has {size} bytes", path="/source")
    return size


def describe(workshop: Workshop, path: Path) -> Dict[str, Any]:
    """What `qemu-img info` says of a qcow2, the files that it names left alone."""
    img = workshop.program("qemu-img", "qemu-utils")
    argv = [img, "info", "--output=json", "-f", "qcow2", "-U", str(path)]
    said = "\n".join(workshop.run(argv, doing="looking at the disk"))
    try:
        found = json.loads(said)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Permanent("qemu-img says nothing of the disk that could be read", path="/source")
    return found


def _far(line: str) -> Optional[str]:
    found = _PERCENT.search(line)
    return f"writing the disk, {found[1]}%" if found else None
