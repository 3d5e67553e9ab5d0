"""A secret's file → its bytes. Project files are reached by directory descriptors without symbolic links.

`aivp.config.files` reads the project's other files; it is a floor above, and does not hand out the open file, whose
mode has to be looked at here. An absolute path (`/run/secrets/…`) is the administrator's: links lead on, and reading is
for whom its folder lets in.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack
from pathlib import Path
from shlex import quote

from aivp.diagnostics.diagnostic import Refused, refusal
from aivp.secrets.git import UnreadableIndex, is_tracked
from aivp.secrets.text import MAX_BYTES, without_newline

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC

OTHERS = 0o077
OTHERS_WRITE = 0o022


def read_file(name: str, path: str, root: Path) -> bytes:
    """The content, without one trailing newline. Raises Refused (AIVP0804 to 0806)."""
    with ExitStack() as stack:
        try:
            descriptor = os.open(path, _FILE) if path.startswith("/") else _beneath(root, path, stack)
        except (OSError, ValueError) as error:
            raise _unreadable(name, path, _reason(error)) from None
        stack.callback(os.close, descriptor)
        _check(name, path, os.fstat(descriptor))
        _refuse_tracked(name, path, root)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return without_newline(file.read(MAX_BYTES + 2))


def _beneath(root: Path, path: str, stack: ExitStack) -> int:
    *folders, last = [part for part in path.split("/") if part not in ("", ".")] or [""]
    if ".." in (*folders, last):
        raise ValueError("it leaves the project with `..`")
    here = _open(os.fspath(root), _DIRECTORY, None, stack)
    for folder in folders:
        here = _open(folder, _DIRECTORY | os.O_NOFOLLOW, here, stack)
    return os.open(last, _FILE | os.O_NOFOLLOW, dir_fd=here)


def _open(path: str, flags: int, folder: int | None, stack: ExitStack) -> int:
    descriptor = os.open(path, flags, dir_fd=folder)
    stack.callback(os.close, descriptor)
    return descriptor


def _check(name: str, path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _unreadable(name, path, "it is not a regular file")
    mode = stat.S_IMODE(status.st_mode)
    # Docker and Kubernetes mount secrets as 0444 below a folder that keeps others out.
    if mode & (OTHERS_WRITE if path.startswith("/") else OTHERS):
        what = "written" if path.startswith("/") else "read or written"
        why = f"{path}, the file of the secret {name}, has mode {mode:04o}: it can be {what} by others than its owner."
        raise refusal("AIVP0805", why, f"Run: chmod {'go-w' if path.startswith('/') else '600'} {quote(path)}")


def _refuse_tracked(name: str, path: str, root: Path) -> None:
    file = Path(os.path.realpath(root / path))
    try:
        if not is_tracked(file):
            return
    except (UnreadableIndex, OSError):
        why = f"git's index cannot be read, so it may track {path}, the file of the secret {name}."
        raise refusal("AIVP0806", why, "Run `git status` to see what is wrong, or keep the file elsewhere.") from None
    why = f"git tracks {path}, the file of the secret {name}."
    mend = f"Run: git rm --cached {quote(path)}; and change the secret, since the history keeps the old one."
    raise refusal("AIVP0806", why, mend)


def _unreadable(name: str, path: str, reason: str) -> Refused:
    return refusal("AIVP0804", f"{path}, the file of the secret {name}, cannot be used: {reason}.")


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error) if "`..`" in str(error) else "that is no path"
    match error.errno:
        case errno.ELOOP:
            return "it is a symbolic link"
        case errno.ENOTDIR:  # also said of a link where a folder is wanted
            return "it leads through something that is not a folder, such as a symbolic link"
        case _:
            return (error.strerror or "unknown error").lower()
