"""A tree and its pool of contents → an initramfs: an archive of the kind `newc`, packed with gzip.

Written straight from the tree: owners and permissions are numbers in it, so nobody needs to be root for it, and the
same tree gives the same bytes. The kernel knows no extended attributes in it.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import BinaryIO, Dict, Tuple

from .oci_tree import Node, Tree

_FILE_TYPES = {"file": 0o100000, "directory": 0o040000, "symlink": 0o120000, "fifo": 0o010000}
_CHUNK = 1024 * 1024
LARGEST_FILE = (1 << 32) - 1
"""Bytes of one file that the format can hold."""


class TooLarge(ValueError):
    """A file that the format cannot hold."""


def write_cpio(tree: Tree, pool: Path, into: Path, level: int = 6) -> None:
    """Write `into`. Raises TooLarge."""
    with open(into, "xb") as raw, gzip.GzipFile("", "wb", level, raw, mtime=0) as packed:
        archive = _Archive(packed, pool)  # type: ignore[arg-type]  # GzipFile is a stream of bytes in all but name
        archive.put(b".", tree.root)
        for path, node in tree.walk():
            archive.put(b"/".join(path), node)
        archive.end()


class _Archive:
    """Entries one after the other. A file with several names has its content behind the last of them."""

    def __init__(self, out: BinaryIO, pool: Path) -> None:
        self.out = out
        self.pool = pool
        self._numbers: Dict[int, Tuple[int, int]] = {}
        self._count = 0

    def put(self, name: bytes, node: Node) -> None:
        number, left = self._numbers.get(id(node), (0, max(node.names, 1)))
        if not number:
            self._count += 1
            number = self._count
        self._numbers[id(node)] = (number, left - 1)
        is_last = left == 1
        data = node.link if node.kind == "symlink" else b""
        size = len(data) or (node.size if node.kind == "file" and is_last else 0)
        if size > LARGEST_FILE:
            raise TooLarge(f"{name.decode(errors='replace')} has {size} bytes, and an initramfs holds no such file")
        mode = _FILE_TYPES[node.kind] | node.mode
        mtime = min(node.mtime, LARGEST_FILE)
        links = 2 if node.kind == "directory" else max(node.names, 1)
        self._head(name, (number, mode, node.uid, node.gid, links, mtime, size))
        if data:
            self._pad(self.out.write(data))
        elif size:
            self._content(node)

    def end(self) -> None:
        self._head(b"TRAILER!!!", (0, 0, 0, 0, 1, 0, 0))

    def _head(self, name: bytes, fields: Tuple[int, ...]) -> None:
        numbers = (*fields, 0, 0, 0, 0, len(name) + 1, 0)
        text = b"070701" + b"".join(b"%08x" % number for number in numbers) + name + b"\0"
        self._pad(self.out.write(text))

    def _content(self, node: Node) -> None:
        with open(self.pool / str(node.content), "rb") as file:
            written = 0
            while chunk := file.read(_CHUNK):
                written += self.out.write(chunk)
        self._pad(written)

    def _pad(self, written: int) -> None:
        self.out.write(bytes(-written % 4))
