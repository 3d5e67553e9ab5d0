"""`image.json`: what an image's folder says of itself, and the checks of its files against it. Knows no sources."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

RECORD = "image.json"
VERSION = 1
_CHUNK = 1024 * 1024


class Damaged(Exception):
    """Files of an image that are not what its record says; the message names them."""


@dataclass(frozen=True)
class Content:
    """What a build put into its folder. File names are relative to it; checksums are added when it is recorded.

    disk_format: qcow2 or raw; disk_size: bytes that a guest sees; cmdline: words for the kernel; firmware: the disk
    boots by itself; helper: the guest helper is in it; cloud_init: it reads a seed; about: whatever else is worth
    keeping, such as versions, without secrets.
    """

    architecture: str
    disk: Optional[str] = None
    disk_format: str = "qcow2"
    disk_size: int = 0
    kernel: Optional[str] = None
    initrd: Optional[str] = None
    cmdline: Tuple[str, ...] = ()
    firmware: bool = False
    helper: bool = False
    cloud_init: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)


def write_record(folder: Path, digest: str, content: Content) -> None:
    """Measure the files that `content` names, and write `image.json` beside them."""
    found: Dict[str, Any] = {
        "version": VERSION,
        "digest": f"sha256:{digest}",
        "architecture": content.architecture,
        "disk": None,
        "kernel": _measured(folder, content.kernel),
        "initrd": _measured(folder, content.initrd),
        "cmdline": " ".join(content.cmdline),
        "firmware": content.firmware,
        "helper": content.helper,
        "cloud_init": content.cloud_init,
        "about": dict(content.about),
    }
    disk = _measured(folder, content.disk)
    if disk is not None:
        found["disk"] = {**disk, "format": content.disk_format, "size": content.disk_size}
    for name in _files(found):
        os.chmod(folder / name, 0o444)
    (folder / RECORD).write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_record(folder: Path) -> Optional[Dict[str, Any]]:
    """The record of an image's folder; None if there is none. Raises Damaged for one that cannot be read."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Damaged(f"{RECORD} cannot be read: {type(error).__name__}") from None
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise Damaged(f"{RECORD} is of another version than {VERSION}")
    return found


def verify(folder: Path, record: Mapping[str, Any], known: Mapping[str, Any]) -> Dict[str, Any]:
    """Check every file; those that look as they did when last checked (`known`) are not read again.

    Answers with what to know the next time: {file: [size, mtime in ns, inode, ctime in ns, sha256]}. Raises Damaged.
    """
    found: Dict[str, Any] = {}
    for name, wanted in _files(record).items():
        try:
            looks: List[Any] = [*_looks(os.stat(folder / name)), wanted]
            if known.get(name) != looks and sha256(folder / name) != wanted:
                raise Damaged(f"{name} is not what it was when the image was made")
        except OSError as error:
            raise Damaged(f"{name} cannot be read: {error.strerror}") from None
        found[name] = looks
    return found


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    for chunk in _chunks(path):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            if not chunk:
                return
            yield chunk


def _looks(stat: os.stat_result) -> Tuple[int, int, int, int]:
    return stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns


def _measured(folder: Path, name: Optional[str]) -> Optional[Dict[str, Any]]:
    return None if name is None else {"file": name, "sha256": sha256(folder / name)}


def _files(record: Mapping[str, Any]) -> Dict[str, str]:
    parts = [record[part] for part in ("disk", "kernel", "initrd") if record.get(part)]
    return {part["file"]: part["sha256"] for part in parts}
