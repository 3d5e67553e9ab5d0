"""The project's files, and nothing else: every read walks down from the root by directory descriptors.

No component may be a symbolic link, so neither a link in a stranger's pull request nor one put there meanwhile leads
out of the project; only the root itself may be reached through one. Regular files only, each with a size limit.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal

from aivp.config.text import check_utf8, too_large
from aivp.diagnostics import Diagnostic, Refused, Span
from aivp.diagnostics.diagnostic import refusal
from aivp.plugins.suggestion import did_you_mean

MAX_LISTED = 100_000
"""Entries of one directory that a glob or a suggestion looks at."""

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_bytes(root: Path, relative: str, limit: int, span: Span | None = None) -> bytes:
    """The content of a file of the project. `span`: where its path is written. Raises Refused (AIVP0101 to 0105)."""
    with open_file(root, relative, span) as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise Refused((too_large(relative, limit, span),))
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Refused((too_large(relative, limit, span),))
    return data


@contextmanager
def open_file(root: Path, relative: str, span: Span | None = None) -> Iterator[BinaryIO]:
    """A file of the project, open for reading. What cannot be opened or read is Refused (AIVP0101 to 0104)."""
    parts = split(relative, span)
    with _directory(root, parts[:-1], relative, span) as folder:
        status = _status(folder, parts, relative, span)
        if not stat.S_ISREG(status.st_mode):
            raise refusal("AIVP0104", f"{relative} is {_what(status)}, not a file.", span=span)
        try:
            descriptor = os.open(parts[-1], _OPEN_FILE, dir_fd=folder)
        except OSError as error:
            raise _refused(error, folder, parts, relative, span) from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)  # asked again of the open file: it may have been exchanged since
        if not stat.S_ISREG(status.st_mode):
            raise refusal("AIVP0104", f"{relative} is {_what(status)}, not a file.", span=span)
        try:
            yield file
        except OSError as error:
            raise refusal("AIVP0101", f"{_shown(relative)} cannot be read: {_reason(error)}.", span=span) from None


def read_text(root: Path, relative: str, limit: int, span: Span | None = None) -> str:
    """The same as text. Raises Refused, also where it is not UTF-8 (AIVP0106)."""
    data = read_bytes(root, relative, limit, span)
    if problem := check_utf8(data, relative):
        raise Refused((problem,))
    return data.decode()


def read_given(path: Path, limit: int) -> bytes:
    """A file that a person names on the command line, wherever it lies. Raises Refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise refusal("AIVP0104", f"{path} is not a file.")
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise refusal("AIVP0101", f"{path} cannot be read: {_reason(error)}.") from None
    if len(data) > limit:
        raise Refused((too_large(str(path), limit, None),))
    return data


def entry_type(root: Path, relative: str, span: Span | None = None) -> Literal["file", "directory"]:
    """What lies at a path of the project. Raises Refused, also where it is something else."""
    parts = split(relative, span)
    with _directory(root, parts[:-1], relative, span) as folder:
        status = _status(folder, parts, relative, span)
    if stat.S_ISDIR(status.st_mode):
        return "directory"
    if stat.S_ISREG(status.st_mode):
        return "file"
    raise refusal("AIVP0104", f"{relative} is {_what(status)}, not a file or directory.", span=span)


def entries(
    root: Path, relative: str, span: Span | None = None
) -> list[tuple[str, Literal["file", "directory", "link"]]]:
    """Name and type of everything in a directory of the project (`""` is the root), sorted by name."""
    parts = split(relative, span) if relative else ()
    found: list[tuple[str, Literal["file", "directory", "link"]]] = []
    with _directory(root, parts, relative, span) as folder, os.scandir(folder) as listing:
        for entry in listing:
            if entry.is_symlink():
                found.append((entry.name, "link"))
            elif entry.is_dir(follow_symlinks=False):
                found.append((entry.name, "directory"))
            elif entry.is_file(follow_symlinks=False):
                found.append((entry.name, "file"))
            if len(found) > MAX_LISTED:
                raise refusal("AIVP0105", f"{relative or '.'} has more than {MAX_LISTED:,} entries.", span=span)
    return sorted(found)


def refuse_odd_name(path: str, span: Span | None = None) -> None:
    """Raise Refused for a name that is no UTF-8: no message and no artifact could carry it."""
    if any("\udc80" <= sign <= "\udcff" for sign in path):
        shown = path.encode(errors="surrogateescape").decode(errors="backslashreplace")
        raise refusal("AIVP0101", f"The name {shown[:100]} is not UTF-8.", "Rename the file.", span=span)


def split(relative: str, span: Span | None = None) -> tuple[str, ...]:
    """The components of a path within the project. Raises Refused (AIVP0102) where it would lead elsewhere."""
    parts = tuple(part for part in relative.split("/") if part not in ("", "."))
    if relative.startswith("/"):
        raise refusal(
            "AIVP0102", f"{relative} is an absolute path.", "Write it relative to the project root.", span=span
        )
    if ".." in parts:
        mend = "Paths are relative to the project root and stay beneath it."
        raise refusal("AIVP0102", f"{relative} goes up with `..`.", mend, span=span)
    if not parts or "\0" in relative:
        raise refusal("AIVP0102", f'"{relative[:60]}" names no file of the project.', span=span)
    return parts


@contextmanager
def _directory(root: Path, parts: tuple[str, ...], relative: str, span: Span | None) -> Iterator[int]:
    """A descriptor of the directory at `parts`."""
    try:
        here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise refusal("AIVP0101", f"The project's directory cannot be opened: {_reason(error)}.", span=span) from None
    try:
        for index, part in enumerate(parts):
            try:
                below = os.open(part, _OPEN_DIRECTORY, dir_fd=here)
            except (OSError, ValueError) as error:
                raise _refused(error, here, parts[: index + 1], relative, span) from None
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def _status(folder: int, parts: tuple[str, ...], relative: str, span: Span | None) -> os.stat_result:
    try:
        status = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
    except (OSError, ValueError) as error:
        raise _refused(error, folder, parts, relative, span) from None
    if stat.S_ISLNK(status.st_mode):
        raise _link(parts, relative, span)
    return status


def _refused(error: Exception, folder: int, parts: tuple[str, ...], relative: str, span: Span | None) -> Refused:
    """Why the last of `parts` cannot be opened in `folder`."""
    with suppress(OSError, ValueError):
        if stat.S_ISLNK(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
            return _link(parts, relative, span)
    if not isinstance(error, FileNotFoundError):
        return refusal("AIVP0101", f"{_shown(relative)} cannot be read: {_reason(error)}.", span=span)
    known: list[str] = []
    with suppress(OSError):
        known = os.listdir(folder)[:MAX_LISTED]
    missing = "/".join(parts)
    why = (
        f"{_shown(relative)} does not exist."
        if missing == relative
        else f"{_shown(relative)}: there is no {_shown(missing)}."
    )
    return Refused((Diagnostic("AIVP0101", why, did_you_mean(parts[-1], known), span),))


def _link(parts: tuple[str, ...], relative: str, span: Span | None) -> Refused:
    where = "/".join(parts)
    subject = f"{relative} is" if where == relative else f"{relative} leads through {where},"
    why = f"{subject} a symbolic link, which aivp does not follow."
    return refusal("AIVP0103", why, "Put the file itself into the project.", span=span)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return "it has no valid name"


def _shown(path: str) -> str:
    return path if len(path) <= 100 else f"{path[:60]}…"


def _what(status: os.stat_result) -> str:
    match stat.S_IFMT(status.st_mode):
        case stat.S_IFDIR:
            return "a directory"
        case stat.S_IFIFO:
            return "a named pipe"
        case stat.S_IFSOCK:
            return "a socket"
        case _:
            return "a device"
