"""Work on files, in a child of its own: stdin is what comes, stdout what goes out. Raises Failure and OSError."""

from __future__ import annotations

import contextlib
import os
import stat
import sys

from aivp_guest.entries import BadEntry, pack, unpack
from aivp_guest.inside.process import Failure

_CHUNK = 256 * 1024


def read(path: str) -> None:
    """A file → stdout."""
    with open(path, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode) and not path.startswith("/proc/"):
            raise Failure("not_a_file", f"{path} is no regular file")
        for data in iter(lambda: file.read(_CHUNK), b""):
            _write(data)


def replace(path: str, mode: int, size: int) -> None:
    """Stdin → a file, as a whole or not at all."""
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    draft = os.path.join(folder, f".{os.path.basename(path)[:200]}.{os.getpid()}.aivp")
    try:
        with open(draft, "xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.writelines(iter(lambda: os.read(0, _CHUNK), b""))
            _all_came(path, file.tell(), size)
            file.flush()
            os.fchmod(file.fileno(), mode & 0o7777)
            os.fsync(file.fileno())
        os.rename(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def _all_came(path: str, came: int, size: int) -> None:
    if came != size:
        raise Failure("cut", f"{came} bytes came for {path}, not {size}")


def pack_out(path: str) -> None:
    """A file or folder → stdout."""
    try:
        pack(path, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BadEntry as error:
        raise Failure("bad_entry", str(error)) from None


def unpack_in(path: str) -> None:
    """Stdin → a file or folder; what is left out → stdout."""
    try:
        left_out = unpack(sys.stdin.buffer, path)
    except BadEntry as error:
        raise Failure("bad_entry", str(error)) from None
    _write("\n".join(left_out).encode(errors="surrogateescape"))


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]
