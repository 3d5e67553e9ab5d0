"""The header of a foreign qcow2 → how large it looks, or why it is not taken.

Read here before QEMU ever opens it: a qcow2 may name other files, as its base or for its data, which QEMU would read
with the rights of whoever starts it.
"""

from __future__ import annotations

import struct
from pathlib import Path

from aivp_sdk import Permanent

MAGIC = b"QFI\xfb"
LARGEST = 64 * 1024**4
"""Bytes that a disk may seem to have."""
_HEAD = struct.Struct(">4sIQIIQIIQQIIQ")
_MORE = struct.Struct(">QQQII")
_DIRTY, _CORRUPT, _DATA_FILE, _COMPRESSION, _EXTENDED = (1 << bit for bit in range(5))
_FLATTEN = "Flatten it where it comes from: qemu-img convert -O qcow2 OLD NEW"


def seems(path: Path) -> str:
    """qcow2 or raw, as its first bytes say."""
    with open(path, "rb") as file:
        return "qcow2" if file.read(len(MAGIC)) == MAGIC else "raw"


def virtual_size(path: Path) -> int:
    """How large a disk of our own looks, in bytes."""
    with open(path, "rb") as file:
        data = file.read(_HEAD.size)
        if data[:4] == MAGIC and len(data) == _HEAD.size:
            return int(_HEAD.unpack(data)[5])
        return file.seek(0, 2)


def inspect_qcow2(path: Path) -> int:
    """How large it looks, in bytes. Raises Permanent."""
    with open(path, "rb") as file:
        data = file.read(_HEAD.size + _MORE.size)
    if len(data) < _HEAD.size or data[:4] != MAGIC:
        raise Permanent("the disk is no qcow2", path="/source/format", mend="Declare `format: raw`, if it is one.")
    _, version, backing, _, cluster_bits, size, encryption, *_ = _HEAD.unpack_from(data)
    if version not in (2, 3):
        raise Permanent(f"the qcow2 is of version {version}, and 2 and 3 are known", path="/source")
    features = 0
    if version == 3:
        if len(data) < _HEAD.size + _MORE.size:
            raise Permanent("the qcow2 ends in its header", path="/source")
        features = _MORE.unpack_from(data, _HEAD.size)[0]
    for is_so, what in (
        (backing, "lies on top of another file"),
        (features & _DATA_FILE, "keeps its data in another file"),
        (encryption, "is encrypted"),
        (features & (_DIRTY | _CORRUPT), "was not closed, or is damaged"),
        (features & ~(_COMPRESSION | _EXTENDED), "has features that nobody here knows"),
        (not 9 <= cluster_bits <= 21, "has clusters of no size"),
    ):
        if is_so:
            raise Permanent(f"the qcow2 {what}: it is not taken", path="/source", mend=_FLATTEN)
    if not 0 < size <= LARGEST:
        raise Permanent(f"the qcow2 says that it has {size} bytes", path="/source")
    return int(size)
