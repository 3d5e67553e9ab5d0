"""The folder of an image → what a VM boots from; checked against its checksums, and marked as in use.

A file that looks as it did when it was last checked is not read again: size, times and inode are kept beside the VMs.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional

from aivp_sdk import Permanent

from .machine import places

RECORD = "image.json"
USERS = "users"
_CHECKED = "checked.json"
_CHUNK = 1024 * 1024
_MEND = "Make the image anew: aivp image verify shows which files are damaged."


@dataclass(frozen=True)
class Image:
    """disk, kernel, initrd: absolute paths, or empty; size: bytes that a guest sees of the disk."""

    folder: Path
    digest: str
    disk: str = ""
    format: str = ""
    size: int = 0
    kernel: str = ""
    initrd: str = ""
    cmdline: str = ""
    firmware: bool = False
    helper: bool = False
    cloud_init: bool = False


def read(folder: Path) -> Image:
    """What the image says of itself. Raises Permanent where it is none."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _flaw(f"{folder} is no image: there is no {RECORD}", "Declare an image, and refer to it.") from None
    except (OSError, ValueError) as error:
        raise _flaw(f"{folder / RECORD} cannot be read: {error}", _MEND) from None
    if not isinstance(record, dict) or record.get("version") != 1:
        raise _flaw(f"{folder / RECORD} is of another version than 1", "Bring aivp on this host up to date.")
    disk: Mapping[str, Any] = record.get("disk") or {}
    return Image(
        folder=folder,
        digest=str(record["digest"]),
        disk=_place(folder, disk),
        format=str(disk.get("format", "")),
        size=int(disk.get("size", 0)),
        kernel=_place(folder, record.get("kernel")),
        initrd=_place(folder, record.get("initrd")),
        cmdline=str(record.get("cmdline", "")),
        firmware=bool(record.get("firmware")),
        helper=bool(record.get("helper")),
        cloud_init=bool(record.get("cloud_init")),
    )


def verify(folder: Path, directory: Path) -> None:
    """Check every file of it. Raises Permanent for one that is not what it was when the image was made."""
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    parts = [record[part] for part in ("disk", "kernel", "initrd") if record.get(part)]
    with _locked(directory):
        known: Dict[str, List[Any]] = places.read_json(directory / _CHECKED) or {}
        found = dict(known)
        for part in parts:
            path, wanted = folder / part["file"], part["sha256"]
            try:
                looks = [*_looks(path), wanted]
                if known.get(str(path)) != looks and _sha256(path) != wanted:
                    raise _flaw(f"{path} is not what it was when the image was made", _MEND)
            except OSError as error:
                raise _flaw(f"{path} of the image cannot be read: {error.strerror}", _MEND) from None
            found[str(path)] = looks
        if found != known:
            here = {path: looks for path, looks in found.items() if os.path.exists(path)}
            places.write_json(directory / _CHECKED, here)


def mark(folder: Path, owner: str) -> None:
    """Say in the image's folder that `owner` stands on it: prune leaves it alone."""
    users = folder / USERS
    for is_last in (False, False, True):
        try:
            users.mkdir(exist_ok=True)
            (users / owner).touch()
            return
        except OSError as error:  # the last one that left may just have taken the folder along
            if is_last or not isinstance(error, FileNotFoundError):
                mend = "The VM's user needs to write there."
                raise _flaw(f"{users} cannot be written: {error.strerror}", mend) from None


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(directory / f".{_CHECKED}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _place(folder: Path, part: Optional[Mapping[str, Any]]) -> str:
    return str(folder / part["file"]) if part else ""


def _looks(path: Path) -> List[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            if not chunk:
                return digest.hexdigest()
            digest.update(chunk)


def _flaw(text: str, mend: str) -> Permanent:
    return Permanent(text, path="/image", mend=mend)
