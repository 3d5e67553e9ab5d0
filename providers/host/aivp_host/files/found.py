"""What lies at a name, looked at without touching it: never opened before its type is known, never blocking."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterator, Optional

from .folders import DIRECTORY, Folder

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


@dataclass(frozen=True)
class Found:
    """A thing on a disk: its type in our words (`fifo`, `socket` and `device` too) and its inode."""

    type: str
    stat: os.stat_result

    @property
    def mode(self) -> int:
        """Its permission bits."""
        return stat.S_IMODE(self.stat.st_mode)


def look(folder: Folder, name: str) -> Optional[Found]:
    """What lies at `name`, None for nothing; a link is not followed."""
    try:
        found = os.stat(name, dir_fd=folder.fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return as_found(found)


def as_found(found: os.stat_result) -> Found:
    """An inode with its type in our words."""
    return Found(_TYPES.get(stat.S_IFMT(found.st_mode), "device"), found)


def open_file(folder: Folder, name: str) -> int:
    """A descriptor of a regular file to read from. Raises OSError, also where it is none any more."""
    descriptor = os.open(name, READ, dir_fd=folder.fd)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileExistsError(f"{name} was replaced while it was looked at")
    return descriptor


@contextmanager
def opened(folder: Folder, name: str) -> Iterator[int]:
    """The same, closed afterwards."""
    descriptor = open_file(folder, name)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_directory(descriptor: int, name: str) -> int:
    """A readable descriptor of the directory `name` within another one."""
    return os.open(name, os.O_RDONLY | DIRECTORY, dir_fd=descriptor)
