"""A few files → the FAT16 of an EFI system partition, byte for byte the same each time. Names are 8.3, in capitals."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Dict, List, Sequence, Tuple

from aivp_sdk import Permanent

SECTOR = 512
_Tree = Dict[str, Any]


def up(value: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-value // step) * step


def fat(files: Sequence[Tuple[Tuple[str, ...], bytes]], size: int, key: str) -> bytes:
    """A FAT16 of `size` bytes with `files`: the names of its folders and its own, each 8.3 in capitals; its bytes."""
    return _Fat(size, zlib.crc32(key.encode())).with_files(files)


class _Fat:
    """A FAT16 that is only ever filled: each file and folder lies in one piece behind the one before."""

    cluster = 4 * SECTOR
    roots = 512

    def __init__(self, size: int, serial: int) -> None:
        self.sectors = size // SECTOR
        self.table = up((self.sectors // 4 + 2) * 2, SECTOR) // SECTOR
        self.start = (1 + 2 * self.table) * SECTOR + self.roots * 32
        self.serial = serial
        self.chain: List[int] = [0xFFF8, 0xFFFF]
        self.data = bytearray()

    def with_files(self, files: Sequence[Tuple[Tuple[str, ...], bytes]]) -> bytes:
        """The whole file system."""
        tree: _Tree = {}
        for names, data in files:
            place = tree
            for name in names[:-1]:
                place = place.setdefault(name, {})  # a name is a folder or a file, never both
            place[names[-1]] = data
        listing = self._folder(tree, 0, 0)
        clusters = (self.sectors * SECTOR - self.start) // self.cluster
        if len(self.chain) > clusters + 2 or not 4085 <= clusters <= 65524:
            raise Permanent("the kernel does not fit the EFI system partition", path="/boot")
        table = b"".join(struct.pack("<H", item) for item in self.chain).ljust(self.table * SECTOR, b"\0")
        head = self._boot_sector() + table * 2 + listing.ljust(self.roots * 32, b"\0")
        return (head + bytes(self.data)).ljust(self.sectors * SECTOR, b"\0")

    def _folder(self, tree: _Tree, own: int, parent: int) -> bytes:
        found = b"" if own == 0 else _dirent(".", 0x10, own, 0) + _dirent("..", 0x10, parent, 0)
        for name, value in sorted(tree.items()):
            if isinstance(value, dict):
                at = self._take(bytes(self.cluster))
                listing = self._folder(value, at, own)
                offset = (at - 2) * self.cluster
                self.data[offset : offset + len(listing)] = listing
                found += _dirent(name, 0x10, at, 0)
            else:
                found += _dirent(name, 0x20, self._take(value), len(value))
        return found

    def _take(self, data: bytes) -> int:
        first, count = len(self.chain), max(up(len(data), self.cluster) // self.cluster, 1)
        self.chain += [*range(first + 1, first + count), 0xFFFF]
        self.data += data.ljust(count * self.cluster, b"\0")
        return first

    def _boot_sector(self) -> bytes:
        few, many = (self.sectors, 0) if self.sectors < 65536 else (0, self.sectors)
        head = struct.pack(
            "<3s8sHBHBHHBHHHIIBBBI11s8s",
            *(b"\xeb\x3c\x90", b"AIVP    ", SECTOR, self.cluster // SECTOR, 1, 2, self.roots, few, 0xF8, self.table),
            *(32, 64, 0, many, 0x80, 0, 0x29, self.serial, b"AIVP-ESP   ", b"FAT16   "),
        )
        return head.ljust(510, b"\0") + b"\x55\xaa"


def _dirent(name: str, kind: int, cluster: int, size: int) -> bytes:
    stem, _, ending = name.partition(".") if name.strip(".") else (name, "", "")
    text = stem.encode().ljust(8) + ending.encode().ljust(3)
    return struct.pack("<11sB10sHHHI", text, kind, b"", 0, (1 << 5) | 1, cluster, size)
