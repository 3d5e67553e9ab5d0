"""A file or folder ↔ one stream of bytes, the same on both sides of the port.

Each entry is a length, a header in JSON and, of a file, its bytes; a length of 0 ends the stream. Whoever unpacks
trusts nothing: each name is walked from the destination without following any link, and devices are never made.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import struct
from typing import Any, Dict, Iterator, List, Optional, Protocol, Tuple

_LENGTH = struct.Struct(">I")
_CHUNK = 256 * 1024
_HEADER = 64 * 1024
_NOFOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC


class BadEntry(ValueError):
    """The stream is not what it should be, or names a place outside its destination."""


class Source(Protocol):
    """Whatever bytes are read from; fewer than asked for only at its end."""

    def read(self, size: int, /) -> bytes: ...


class Sink(Protocol):
    """Whatever takes all bytes that it is given."""

    def write(self, data: bytes, /) -> object: ...


def pack(path: str, out: Sink) -> None:
    """Write a file, or a folder with all below it. Raises OSError, and BadEntry if a file shrinks while it is read."""
    for name, place in _walk(path):
        status = os.lstat(place)
        header: Dict[str, Any] = {
            "path": name,
            "mode": stat.S_IMODE(status.st_mode),
            "mtime": max(0, int(status.st_mtime)),
        }
        if stat.S_ISREG(status.st_mode):
            with open(place, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                _write_header(out, {**header, "type": "file", "size": size})
                _copy(file, out, size, place)
        elif stat.S_ISDIR(status.st_mode):
            _write_header(out, {**header, "type": "folder"})
        elif stat.S_ISLNK(status.st_mode):
            _write_header(out, {**header, "type": "link", "target": os.readlink(place)})
        else:
            _write_header(out, {**header, "type": "other"})
    out.write(_LENGTH.pack(0))


def unpack(source: Source, path: str, limit: Optional[int] = None, modes: int = 0o7777) -> List[str]:
    """Make at `path` what comes, over what is there; the names that are neither file, folder nor link are left out.

    limit: bytes of all files together; modes: which bits are kept. Raises OSError and BadEntry.
    """
    left_out: List[str] = []
    parent = os.path.dirname(os.path.abspath(path))
    os.makedirs(parent, exist_ok=True)
    top = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    first = os.path.basename(os.path.abspath(path))
    try:
        for header in iter(lambda: _read_header(source), None):
            names = _names(header, first)
            size = _number(header, "size") if header["type"] == "file" else 0
            if limit is not None and size > limit:
                raise BadEntry("{!r} is larger than what may come".format(header.get("path")))
            limit = None if limit is None else limit - size
            if header["type"] == "other":
                left_out.append("/".join(names[1:]))
                continue
            with _folder(top, names[:-1]) as folder:
                _make(header, source, folder, names[-1], size, modes)
    finally:
        os.close(top)
    return left_out


def _walk(path: str) -> Iterator[Tuple[str, str]]:
    """Names relative to the path, "." itself first, with where they are; folders before what they hold, sorted."""
    path = os.path.abspath(path)
    if os.path.islink(path):
        path = os.path.realpath(path)
    yield ".", path
    if os.path.isdir(path):
        for place, folders, files in os.walk(path, onerror=_raise):
            folders.sort()
            for name in sorted(folders + files):
                found = os.path.join(place, name)
                yield os.path.relpath(found, path), found


def _raise(error: OSError) -> None:
    raise error


def _names(header: Dict[str, Any], first: str) -> List[str]:
    path = header.get("path")
    if not isinstance(path, str) or not isinstance(header.get("type"), str):
        raise BadEntry("a header without a path")
    names = [] if path == "." else path.split("/")
    if any(name in ("", ".", "..") or "\0" in name for name in names):
        raise BadEntry(f"{path!r} leads out of its folder")
    return [first, *names]


def _number(header: Dict[str, Any], name: str) -> int:
    found = header.get(name)
    if not isinstance(found, int) or found < 0:
        raise BadEntry(f"{header.get('path')!r} has no {name}")
    return found


@contextlib.contextmanager
def _folder(top: int, names: List[str]) -> Iterator[int]:
    """The folder of an entry, reached without following any link; it must have come before what it holds."""
    at = os.dup(top)
    try:
        for name in names:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        yield at
    finally:
        os.close(at)


def _make(header: Dict[str, Any], source: Source, folder: int, name: str, size: int, modes: int) -> None:
    mode = _number(header, "mode") & modes
    if header["type"] == "folder":
        try:
            os.mkdir(name, 0o700, dir_fd=folder)
        except FileExistsError:
            if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                raise
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _NOFOLLOW, dir_fd=folder)
        os.fchmod(fd, mode | 0o700)  # what it holds is still to come
        os.close(fd)
        return
    if header["type"] not in ("file", "link"):
        raise BadEntry(f"{header['path']!r} is of no known type")
    # Made beside and renamed: nobody ever finds half of it, and what had the name stays until then.
    draft = f".{name[:200]}.{os.getpid()}.aivp"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft, dir_fd=folder)
    try:
        if header["type"] == "link":
            os.symlink(str(header.get("target")), draft, dir_fd=folder)
        else:
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW, 0o600, dir_fd=folder)
            with os.fdopen(fd, "wb") as file:
                _copy(source, file, size, name)
                file.flush()
                os.fchmod(fd, mode)
                when = min(_number(header, "mtime"), 1 << 40)
                os.utime(fd, (when, when))
                os.fsync(fd)
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft, dir_fd=folder)
        raise


def _write_header(out: Sink, header: Dict[str, Any]) -> None:
    text = json.dumps(header).encode()
    out.write(_LENGTH.pack(len(text)) + text)


def _read_header(source: Source) -> Optional[Dict[str, Any]]:
    (length,) = _LENGTH.unpack(_exactly(source, _LENGTH.size))
    if length == 0:
        return None
    if length > _HEADER:
        raise BadEntry(f"a header of {length} bytes")
    try:
        header = json.loads(_exactly(source, length))
    except ValueError:
        raise BadEntry("a header that is no JSON") from None
    if not isinstance(header, dict):
        raise BadEntry("a header that is no object")
    return header


def _exactly(source: Source, size: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise BadEntry("it ends in the middle")
    return data


def _copy(source: Source, out: Sink, size: int, name: str) -> None:
    while size:
        data = source.read(min(size, _CHUNK))
        if not data:
            raise BadEntry(f"{name} ends before its size")
        out.write(data)
        size -= len(data)
