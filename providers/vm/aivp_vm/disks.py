"""Disks of a VM: the overlay over its image, and data disks; made whole or not at all, grown in place, never shrunk."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import List, Optional, Sequence

from aivp_sdk import Permanent

from .image import Image
from .machine import places
from .machine.process import ENVIRONMENT

ROOT = "root"


def make_root(folder: Path, image: Image) -> str:
    """The overlay over the image's disk: what the VM writes goes there. Its name within the folder."""
    return _make(folder, ROOT, "qcow2", ["-b", image.disk, "-F", image.format], None)


def make_over(folder: Path, name: str, below: Path, kind: str) -> str:
    """An overlay over the disk of a template. Its name within the folder."""
    return _make(folder, name, "qcow2", ["-b", str(below), "-F", kind], None)


def make(folder: Path, name: str, kind: str, size: int) -> str:
    """An empty disk. Its name within the folder."""
    return _make(folder, name, kind, [], size)


def file_of(name: str, kind: str) -> str:
    """Where a disk lies within the folder of its VM."""
    return f"{places.DISKS}/{name}.{kind}"


def present(folder: Path) -> List[str]:
    """The names of all disks that are there, sorted."""
    return sorted(path.stem for path in (folder / places.DISKS).glob("[!.]*.*"))


def size(path: Path) -> Optional[int]:
    """Bytes that the VM sees; None where there is no such disk. From the header: no program is started."""
    try:
        with open(path, "rb") as file:
            head = file.read(32)
            if head[:4] == b"QFI\xfb":
                return int(struct.unpack(">Q", head[24:32])[0])
            return os.fstat(file.fileno()).st_size
    except (OSError, struct.error):
        return None


def grow(path: Path, kind: str, wanted: int, where: str) -> None:
    """Make a disk larger that no running VM has open. Raises Permanent for a smaller size."""
    refuse_shrinking(path, wanted, where)
    if size(path) != wanted:
        _run(["resize", "-q", "-f", kind, str(path), str(wanted)], where)


def refuse_shrinking(path: Path, wanted: int, where: str) -> None:
    """Raises Permanent where the disk is larger than that."""
    there = size(path)
    if there is not None and there > wanted:
        raise Permanent(
            f"the disk {path.stem} has {there} bytes, and disks do not shrink",
            path=where,
            mend="Declare no less; or declare a disk of another name, and move what is on it.",
        )


def remove(folder: Path, name: str) -> None:
    """Away with a disk, and with what is on it."""
    for path in (folder / places.DISKS).glob(f"{name}.*"):
        path.unlink()


def _make(folder: Path, name: str, kind: str, backing: Sequence[str], size: Optional[int]) -> str:
    file = file_of(name, kind)
    path = folder / file
    if path.exists():
        return file
    path.parent.mkdir(exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}")
    try:
        _run(["create", "-q", "-f", kind, *backing, str(draft), *([] if size is None else [str(size)])], "/disks")
        draft.replace(path)
    finally:
        draft.unlink() if draft.exists() else None
    return file


def _run(words: Sequence[str], where: str) -> None:
    argv = ["qemu-img", *words]
    try:
        done = subprocess.run(
            argv, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False
        )
    except FileNotFoundError:
        raise Permanent("there is no qemu-img", mend="apt-get install qemu-utils") from None
    except subprocess.TimeoutExpired:
        raise Permanent("qemu-img did not end within 10 minutes", path=where) from None
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        mend = "Make room on that disk, and apply again." if "No space left" in said else None
        raise Permanent(f"a disk cannot be made: {said.partition(': ')[2] or said}", path=where, mend=mend)


def refuse_full(folder: Path, needed: int) -> None:
    """Raises Permanent where the disk under `folder` has less room than that."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Permanent(
            f"{folder} has {json.dumps(free)} bytes left, and a VM needs {needed} to begin with",
            mend="Make room on that disk, and apply again.",
        )
