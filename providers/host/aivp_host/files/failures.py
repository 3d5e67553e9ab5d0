"""What the kernel refuses → what a person can mend."""

from __future__ import annotations

import errno
import os

from aivp_sdk import Permanent

_MENDS = {
    errno.EBUSY: ("is a mount point and cannot be replaced", "Manage the file at the mount's origin, or unmount it."),
    errno.ENOSPC: ("there is no space left on its file system", "Make room on it."),
    errno.EDQUOT: ("the disk quota is used up", "Make room, or raise the quota."),
    errno.EROFS: ("its file system is read-only", "Mount it for writing, or manage the file at its origin."),
    errno.EACCES: ("permission denied", "Let aivp become a user who may do this."),
    errno.EPERM: ("this user may not do this", "Let aivp become a user who may do this."),
    errno.ENOTDIR: (
        "a part of this path is not a directory",
        "Mend the path, or declare what stands in the way with state: absent.",
    ),
    errno.ENAMETOOLONG: ("the name is too long", "Names have 255 bytes at most, paths 4,095."),
}


def explain(error: OSError, path: str) -> Permanent:
    """The failure of an operation on `path`."""
    number = error.errno or 0
    why, mend = _MENDS.get(number, (os.strerror(number) if number else str(error), "Look at the path on the host."))
    return Permanent(f"{path}: {why}", path="/path", mend=mend)


def no_parent(path: str) -> Permanent:
    """The folder of `path` is missing, and nobody said that it shall be made."""
    return Permanent(
        f"the folder of {path} does not exist",
        path="/path",
        mend="Declare the folder as a file resource with state: directory, or set create_parents: true.",
    )
