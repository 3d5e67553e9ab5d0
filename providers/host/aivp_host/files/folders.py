"""Directories by descriptor: every path is walked component by component, so nobody can swap one under our feet.

A symbolic link on the way counts only where link and folder belong to root (or to us) and nobody else may write the
folder: what an ordinary user can redirect never decides where a privileged write goes.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from dataclasses import dataclass
from types import TracebackType
from typing import Optional, Tuple, Type

from aivp_sdk import Permanent

MAX_OPEN = 200
"""Descriptors kept; a host's limit is 1,024 and more."""
MAX_LINKS = 40
DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Folder:
    """An open directory (O_PATH) and the path without links at which it was found."""

    fd: int
    real: str


class Folders:
    """Open directories of one request, the most recently used ones kept open."""

    def __init__(self) -> None:
        self.open: OrderedDict[str, Folder] = OrderedDict()
        self.user = os.geteuid()

    def __enter__(self) -> Folders:  # noqa: PYI034 (Self is newer than the hosts)
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        while self.open:
            os.close(self.open.popitem()[1].fd)

    def folder(self, path: str, links: int = 0) -> Folder:
        """The directory at `path`, absolute and normal; good until 200 more were asked for.

        Raises FileNotFoundError or NotADirectoryError where there is none, Permanent for a link that does not count.
        """
        known = self.open.get(path)
        if known is not None:
            self.open.move_to_end(path)
            return known
        if path == "/":
            return self._keep(path, Folder(os.open("/", os.O_PATH | DIRECTORY), ""))
        above, _, name = path.rpartition("/")
        parent = self.folder(above or "/", links)
        try:
            found = Folder(os.open(name, os.O_PATH | DIRECTORY, dir_fd=parent.fd), f"{parent.real}/{name}")
        except NotADirectoryError:
            target = self._target(parent, name, links)
            found = self.folder(target, links + 1)
            found = Folder(os.dup(found.fd), found.real)
        return self._keep(path, found)

    def forget(self, path: str) -> None:
        """Close what is known of `path` and beneath: it is about to go."""
        for known in [known for known in self.open if known == path or known.startswith(path + "/")]:
            os.close(self.open.pop(known).fd)

    def _keep(self, path: str, folder: Folder) -> Folder:
        self.open[path] = folder
        while len(self.open) > MAX_OPEN:
            os.close(self.open.popitem(last=False)[1].fd)
        return folder

    def _target(self, parent: Folder, name: str, links: int) -> str:
        """Where the link `name` leads, as an absolute path without `..`."""
        link = os.stat(name, dir_fd=parent.fd, follow_symlinks=False)
        if not stat.S_ISLNK(link.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
        where = f"{parent.real}/{name}"
        above = os.stat(".", dir_fd=parent.fd)
        trusted = (0, self.user)
        if link.st_uid not in trusted or above.st_uid not in trusted or above.st_mode & 0o022:
            raise Permanent(
                f"{where} is a symbolic link that another user could redirect; it is not followed",
                path="/path",
                mend="Declare the path behind the link, or let root own the link and its folder alone.",
            )
        if links >= MAX_LINKS:
            mend = "Do they lead round? Declare the path behind them."
            raise Permanent(f"{where}: too many symbolic links", path="/path", mend=mend)
        # The parts before are real: going up in their text is going up on the disk. What comes behind is walked again.
        return self._join(parent.real, os.readlink(name, dir_fd=parent.fd), links)

    def _join(self, real: str, target: str, links: int) -> str:
        path = "" if target.startswith("/") else real
        for part in target.split("/"):
            if part == "..":
                path = os.path.dirname(self.folder(path or "/", links + 1).real)
            elif part not in ("", "."):
                path = f"{path}/{part}"
        return path.replace("//", "/") or "/"


def split(path: str) -> Tuple[str, str]:
    """A path as (folder, name). Raises Permanent for the root, which nobody may manage."""
    above, _, name = path.rpartition("/")
    if not name:
        mend = "Declare what lies beneath it."
        raise Permanent("the root directory cannot be managed", path="/path", mend=mend)
    return above or "/", name


def sync(folder: Folder) -> None:
    """Make the entries of a directory durable."""
    try:
        descriptor = os.open(".", os.O_RDONLY | DIRECTORY, dir_fd=folder.fd)
    except PermissionError:
        return  # we may write it but not read it; the kernel writes it in its own time
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
