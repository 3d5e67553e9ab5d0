"""The disk of a VM that does not run → an image: flattened, compressed, and nobody's own any more.

It is taken once: what the VM does later changes no image. A VM that is paused is taken as if its power had failed,
which is what file systems are made for; one that runs is refused.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from aivp_sdk import Permanent, Temporary

from .declaration import Disk, Image, Machine
from .disk import convert, resize
from .disk_header import seems, virtual_size
from .plain import plain
from .recipe import Before, Maker, Outlook, Recipe, common
from .record import Content, Damaged, read_record, sha256, verify
from .template_cleaning import clean
from .workshop import Workshop

FORM = 1
"""Counts up where the same disk becomes another image."""
_LIVE = ("starting", "running", "stopping", "unsupervised")


@dataclass(frozen=True)
class Found:
    """The disk that is taken. status: of the VM, empty for a disk alone; base: the folder of the image beneath it."""

    disk: Path
    status: str
    base: Optional[Path]


class TemplateMaker(Maker):
    """Images that are made of the disks of VMs."""

    def foresee(self, desired: Image, before: Optional[Before], workshop: Workshop) -> Outlook:
        """Only apply can tell: until then the VM may change its disk."""
        return Outlook(plain(_machine(desired)), None, ("kernel",))

    def prepare(self, desired: Image, before: Optional[Before], workshop: Workshop) -> Recipe:
        """Which disk it is, by what is on it and what lies beneath."""
        machine = _machine(desired)
        found = find(machine.path, workshop)
        parts: Dict[str, Any] = {"form": FORM, "disk": sha256(found.disk), "base": _digest(found.base)}
        if machine.snapshot is not None:
            parts["snapshot"] = machine.snapshot

        def build(draft: Path) -> Content:
            return _build(desired, found, workshop, draft)

        return Recipe({"vm": parts, **common(desired)}, build, plain(machine))


MAKER = TemplateMaker()


def find(path: str, workshop: Workshop) -> Found:
    """The disk behind the folder of a VM, or behind the path of a disk. Raises Permanent where it cannot be taken."""
    place = Path(path)
    disk, status = place, ""
    if place.is_dir():
        disk = place / "disks" / "root.qcow2"
        status = str(_read(place / "state.json").get("status", "stopped"))
    if status in _LIVE:
        mend = "Stop or pause it first: aivp vm stop NAME, or `state: stopped`."
        raise Permanent(
            f"the VM {place.name} is {status}, and its disk changes while it is", path="/vm/path", mend=mend
        )
    if not disk.is_file():
        raise Permanent(f"{disk} is no disk of a VM", path="/vm/path", mend="Name a VM's folder, its `path`.")
    return Found(disk, status, _base(disk, workshop))


def _machine(desired: Image) -> Machine:
    assert desired.vm is not None
    return desired.vm


def _base(disk: Path, workshop: Workshop) -> Optional[Path]:
    """The folder of the image that a disk lies on, if it is one."""
    if seems(disk) != "qcow2":
        return None
    argv = [workshop.program("qemu-img", "qemu-utils"), "info", "--output=json", "-U", "-f", "qcow2", str(disk)]
    try:
        about = json.loads("\n".join(workshop.run(argv, doing="looking at the disk")))
        backing = about.get("full-backing-filename")
    except (ValueError, AttributeError):
        backing = None
    folder = Path(backing).parent if isinstance(backing, str) and backing.startswith("/") else None
    return folder if folder is not None and (folder / "image.json").is_file() else None


def _digest(base: Optional[Path]) -> Optional[str]:
    """What lies beneath, verified: a changed base would be flattened into the new image."""
    if base is None:
        return None
    try:
        record = read_record(base)
        verify(base, record or {}, {})
    except Damaged as damage:
        raise Permanent(f"the image beneath the disk is damaged: {damage}", path="/vm/path") from None
    return str((record or {}).get("digest"))


def _build(desired: Image, found: Found, workshop: Workshop, draft: Path) -> Content:
    machine, wanted = _machine(desired), desired.disk or Disk()
    size = virtual_size(found.disk)
    raw = draft / "disk.raw"
    looks = _looks(found)
    _flatten(workshop, found, machine.snapshot, raw)
    if _looks(found) != looks:
        raise Temporary(f"{found.disk} changed while it was read", path="/vm/path")
    left = clean(workshop, raw)
    for remark in left:
        workshop.session.log(remark, "warning")
    if desired.disk is not None and int(wanted.size) < size:
        why = f"the disk has {size} bytes, and cannot be made smaller than that"
        raise Permanent(why, path="/disk/size", mend=f"Declare at least {size} bytes.")
    if desired.disk is not None and int(wanted.size) > size:
        size = int(wanted.size)
        resize(workshop, raw, "raw", size)
    if wanted.format == "qcow2":
        convert(workshop, raw, "raw", draft / "disk.qcow2", wanted)
        raw.unlink()
    return _content(desired, found.base, f"disk.{wanted.format}", wanted.format, size, draft)


def _flatten(workshop: Workshop, found: Found, snapshot: Optional[str], raw: Path) -> None:
    """All layers of the disk as plain bytes. A running QEMU holds locks that make this fail."""
    options: List[str] = ["-l", f"snapshot.name={snapshot}"] if snapshot is not None else []
    options += ["-U"] if found.status == "paused" else []
    img = workshop.program("qemu-img", "qemu-utils")
    argv = [img, "convert", "-f", seems(found.disk), "-O", "raw", *options, str(found.disk), str(raw)]
    mend = "The VM must not run. A `snapshot` must be one that `qemu-img snapshot -l` lists."
    workshop.run(argv, doing="reading the disk of the VM", mend=mend)


def _content(desired: Image, base: Optional[Path], disk: str, form: str, size: int, draft: Path) -> Content:
    """What it boots with is what its VM booted with."""
    record: Mapping[str, Any] = (read_record(base) if base is not None else None) or {}
    files = {part: (record.get(part) or {}).get("file") for part in ("kernel", "initrd")}
    for name in files.values():
        if name is not None and base is not None:
            shutil.copyfile(base / name, draft / name)
    about = {"kernel": record["about"]["kernel"]} if record.get("about", {}).get("kernel") else {}
    return Content(
        architecture=str(record.get("architecture") or platform.machine()),
        disk=disk,
        disk_format=form,
        disk_size=size,
        kernel=files["kernel"],
        initrd=files["initrd"],
        cmdline=(*str(record.get("cmdline", "")).split(), *desired.cmdline),
        firmware=bool(record.get("firmware", files["kernel"] is None)),
        helper=bool(record.get("helper")),
        cloud_init=bool(record.get("cloud_init")),
        about=about,
    )


def _looks(found: Found) -> List[Any]:
    """Tells whether anybody wrote meanwhile, or let the VM go on."""
    stat = os.stat(found.disk)
    status = _read(found.disk.parent.parent / "state.json").get("status") if found.status else None
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino, status]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
