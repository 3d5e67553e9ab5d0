"""A person's file → other bytes in its place: whole or not at all, with its mode, owner and attributes.

Links are refused rather than followed or replaced, and so is a file that changed since it was read.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile

from aivp.diagnostics.diagnostic import refusal

CODE = "AIVP0956"
MOST = 16 * 1024 * 1024
"""Bytes of a file that is read here."""


def read_own(path: str) -> bytes:
    """The content of a regular file that is no link. Raises Refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise refusal("AIVP0104", f"{path} is not a file.")
            data = file.read(MOST + 1)
    except (OSError, ValueError) as error:
        if os.path.islink(path):
            raise refusal("AIVP0103", f"{path} is a symbolic link.", "Name the file that it leads to.") from None
        reason = error.strerror if isinstance(error, OSError) else "it has no valid name"
        raise refusal("AIVP0903", f"{path} cannot be read: {reason}.") from None
    if len(data) > MOST:
        raise refusal("AIVP0105", f"{path} has more than {MOST >> 20} MiB, the limit for such a file.")
    return data


def rewrite(path: str, before: bytes, after: bytes) -> None:
    """Put `after` in the place of `before`. Raises Refused, and then nothing is changed."""
    status = os.lstat(path)
    folder, name = os.path.split(os.path.abspath(path))
    try:
        descriptor, fresh = tempfile.mkstemp(prefix=f".{name[:100]}.", dir=folder)
    except OSError as error:
        raise refusal("AIVP0902", f"{path} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(after)
            file.flush()
            _take_over(path, status, descriptor)
            os.fsync(descriptor)
        _refuse_change(path, before)
        os.replace(fresh, path)
    except OSError as error:
        _remove(fresh)
        raise refusal("AIVP0902", f"{path} cannot be written: {error.strerror}.") from None
    except BaseException:
        _remove(fresh)
        raise


def put(folder: str, name: str, data: bytes) -> None:
    """A file of aivp's own in `folder`, which is made where it is missing, for nobody else. Raises Refused."""
    path = os.path.join(folder, name)
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            raise refusal("AIVP0103", f"{folder} is no folder of its own.", "Move it away.")
        descriptor, fresh = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            os.chmod(fresh, 0o644)
            os.replace(fresh, path)
        except BaseException:
            _remove(fresh)
            raise
    except OSError as error:
        raise refusal("AIVP0902", f"{path} cannot be written: {error.strerror}.") from None


def _refuse_change(path: str, before: bytes) -> None:
    if read_own(path) != before:
        raise refusal(CODE, f"{path} was changed by somebody else meanwhile.", "Run the command again.")


def _take_over(path: str, status: os.stat_result, descriptor: int) -> None:
    """Owner first: a change of it clears bits of the mode."""
    mine = os.fstat(descriptor)
    if (mine.st_uid, mine.st_gid) != (status.st_uid, status.st_gid):
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
    for name in os.listxattr(path, follow_symlinks=False):
        with contextlib.suppress(OSError):  # what the file system or the kernel sets itself
            os.setxattr(descriptor, name, os.getxattr(path, name, follow_symlinks=False))


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
