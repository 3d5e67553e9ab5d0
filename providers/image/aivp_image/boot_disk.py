"""A tar of a root → a disk: ext4 without a mount and without being root, then qcow2.

The same tar gives the same bytes. Knows nothing of where the tar comes from, nor of kernels.
"""

from __future__ import annotations

import shlex
import struct
import uuid
from pathlib import Path
from typing import Dict, List

from aivp_sdk import Permanent

from .declaration import Disk
from .store import remove_tree
from .workshop import Workshop

LABEL = "aivp-root"
_TIMES = ("atime", "ctime")
_FULL = ("Could not allocate block", "Could not allocate inode", "in ext2 filesystem")


def ext4(workshop: Workshop, tar: Path, disk: Path, size: int, key: str, now: int) -> None:
    """A file system of `size` bytes with what is in the tar. `key`: ids of the file system follow from it."""
    tree = disk.with_name("tree")
    script = "\n".join(
        [
            "set -eu",
            shlex.join(["mkdir", str(tree)]),
            shlex.join(["tar", "-C", str(tree), "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", str(tar)]),
            # What a kernel mounts upon: mmdebstrap leaves it out, and without it nobody has a /dev before systemd.
            shlex.join(["mkdir", "-p", *(str(tree / name) for name in ("dev", "proc", "run", "sys"))]),
            shlex.join(["touch", "-d", f"@{now}", *(str(tree / name) for name in ("", "dev", "proc", "run", "sys"))]),
            shlex.join(_mke2fs(workshop, tree, disk, size, key)),
        ]
    )
    faked = [] if workshop.is_root else [workshop.program("fakeroot", "fakeroot"), "--"]
    try:
        workshop.run([*faked, "/bin/sh", "-c", script], doing="making the file system", env=_clock(now))
        _stop_clocks(workshop, disk, now)
    except Permanent as error:
        if any(words in error.message for words in _FULL):
            mend = f"Make disk.size larger than {size >> 20}MiB."
            raise Permanent("what is in the image does not fit its disk", path="/disk/size", mend=mend) from None
        raise
    finally:
        remove_tree(tree)


def finished(workshop: Workshop, raw: Path, wanted: Disk) -> Path:
    """The raw disk in the declared format; the raw one goes where it is another."""
    if wanted.format == "raw":
        return raw
    disk = raw.with_name("disk.qcow2")
    options = ["-c", "-o", "compression_type=zstd"] if wanted.compress else []
    argv = [workshop.program("qemu-img", "qemu-utils"), "convert", "-f", "raw", "-O", "qcow2", *options]
    workshop.run([*argv, str(raw), str(disk)], doing="packing the disk")
    raw.unlink()
    return disk


def _stop_clocks(workshop: Workshop, disk: Path, now: int) -> None:
    """Say of every inode that it was made `now`: mke2fs has taken over when the tree was unpacked."""
    with open(disk, "rb") as file:
        file.seek(1024)
        inodes, free = struct.unpack("<I12xI", file.read(20))
    fields = [
        f"set_inode_field <{number}> {field} @{now}" for number in range(2, inodes - free + 1) for field in _TIMES
    ]
    orders = disk.with_name("times")
    orders.write_text("\n".join([*fields, ""]), encoding="utf-8")
    try:
        workshop.output([workshop.program("debugfs", "e2fsprogs"), "-w", "-f", str(orders), str(disk)], env=_clock(now))
    finally:
        orders.unlink()


def _clock(now: int) -> Dict[str, str]:
    return {"E2FSPROGS_FAKE_TIME": str(now)}


def file_system_id(key: str) -> uuid.UUID:
    """The id of an image's root file system."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"aivp:image:{key}")


def _mke2fs(workshop: Workshop, tree: Path, disk: Path, size: int, key: str) -> List[str]:
    name = file_system_id(key)
    return [
        *(workshop.program("mke2fs", "e2fsprogs"), "-q", "-F", "-t", "ext4", "-L", LABEL, "-U", str(name), "-m", "1"),
        *("-E", f"hash_seed={name},root_owner=0:0"),
        *("-d", str(tree), str(disk), f"{size // 1024}k"),
    ]
