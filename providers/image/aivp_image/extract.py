"""A tree and its pool of contents → files beneath one empty folder of ours: by descriptors, never by a path.

Everything is made with our own account and private permissions; whom it belongs to in the image, and with which
permissions and attributes, goes into a list that `extract_owners` makes true just before the file system is written,
as root or under fakeroot. So nothing of an image is ever executable, setuid or somebody else's on this host.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Dict, List, Tuple

from .extract_owners import encoded
from .oci_tree import Node, Tree

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def lay_out(tree: Tree, pool: Path, folder: Path, owners: Path) -> None:
    """Make `folder` with everything in `tree`, its contents moved out of `pool`, and the list `owners`."""
    folder.mkdir(mode=0o700)
    with open(owners, "wb") as listed:
        listed.write(encoded(b".", tree.root))
        _Layer(pool, folder).fill(tree, listed.write)


class _Layer:
    """One pass over the tree; folders that are open are those on the way to the one in hand."""

    def __init__(self, pool: Path, folder: Path) -> None:
        self.pool = os.open(pool, _FOLDER)
        self.open: List[Tuple[bytes, int]] = [(b"", os.open(folder, _FOLDER))]
        self.root = self.open[0][1]
        self.first: Dict[int, bytes] = {}

    def fill(self, tree: Tree, note: Callable[[bytes], object]) -> None:
        try:
            for path, node in tree.walk():
                parent = self._enter(path[:-1])
                if self._make(parent, path, node):
                    note(encoded(b"/".join(path), node))
        finally:
            for _, descriptor in self.open:
                os.close(descriptor)
            os.close(self.pool)

    def _enter(self, path: Tuple[bytes, ...]) -> int:
        """The descriptor of a folder that we made; it is no link, since we follow none."""
        names = [name for name, _ in self.open[1:]]
        same = 0
        while same < min(len(names), len(path)) and names[same] == path[same]:
            same += 1
        while len(self.open) > same + 1:
            os.close(self.open.pop()[1])
        for name in path[same:]:
            self.open.append((name, os.open(name, _FOLDER, dir_fd=self.open[-1][1])))
        return self.open[-1][1]

    def _make(self, parent: int, path: Tuple[bytes, ...], node: Node) -> bool:
        """False for a further name of what is there already."""
        name = path[-1]
        if node.kind == "directory":
            os.mkdir(name, 0o700, dir_fd=parent)
            return True
        if node.names > 1:
            if id(node) in self.first:
                before = self.first[id(node)]
                os.link(before, name, src_dir_fd=self.root, dst_dir_fd=parent, follow_symlinks=False)
                return False
            self.first[id(node)] = b"/".join(path)
        if node.kind == "symlink":
            os.symlink(node.link, name, dir_fd=parent)
        elif node.kind == "fifo":
            os.mkfifo(name, 0o600, dir_fd=parent)
        elif node.content:
            os.rename(str(node.content), name, src_dir_fd=self.pool, dst_dir_fd=parent)
        else:
            os.close(os.open(name, _FRESH, 0o600, dir_fd=parent))
        return True
