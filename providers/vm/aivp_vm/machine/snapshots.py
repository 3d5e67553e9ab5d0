"""Snapshots of a VM within its own qcow2 disks, with its memory or without; what is whole is in `snapshots.json`.

A name is written down before anything is kept, and again once all of it is: what was broken off is cleared by whoever
comes next. A restore is an intent first, so that whoever starts the VM finishes it: it is the old one, or the new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from aivp_vm.drivers import qemu

from . import places, warm
from .monitor import Monitor
from .process import ENVIRONMENT
from .running import Failed, Running
from .spec import Machine

LIST, INTENT = "snapshots.json", "restore.json"
_TAG = "aivp-"
_POLL = 0.02


@dataclass(frozen=True)
class Snapshot:
    """made: when, as ISO 8601; size: bytes of its memory; disks: their names; shape: what the VM was like with it."""

    name: str
    has_memory: bool
    made: str
    disks: Tuple[str, ...]
    shape: str
    size: int = 0
    is_whole: bool = False


def read(folder: Path) -> List[Snapshot]:
    """All that are whole, the oldest first."""
    return sorted((one for one in _all(folder) if one.is_whole), key=lambda one: (one.made, one.name))


def wanted(folder: Path) -> Optional[Snapshot]:
    """The one that the VM shall be brought back to, when it starts next."""
    name = (places.read_json(folder / INTENT) or {}).get("name")
    return next((one for one in read(folder) if one.name == name), None)


async def take(running: Optional[Running], machine: Machine, folder: Path, name: str, has_memory: bool) -> Snapshot:
    """Keep the VM as it is; it goes on as before. Raises Failed, Refused."""
    if warm.frozen(folder) is not None:
        raise Failed("it is a template, which stays as it is")
    if any(one.name == name for one in read(folder)):
        raise Failed(f"there is a snapshot {name} already")
    if has_memory and running is None:
        raise Failed("it does not run, so it has no memory to keep")
    disks = _disks(machine)
    await _clear(running, machine, folder)
    made = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
    one = Snapshot(name, has_memory, made, disks, warm.shape(machine))
    _write(folder, [*_all(folder), one])
    try:
        if running is None:
            await _images(machine, folder, "-c", _TAG + name)
        elif has_memory:
            await _job(running.monitor, "snapshot-save", name, disks, vmstate=qemu.node(disks[0]))
        else:
            steps = [{"device": qemu.node(disk), "name": _TAG + name} for disk in disks]
            actions = [{"type": "blockdev-snapshot-internal-sync", "data": step} for step in steps]
            await running.monitor.execute("transaction", {"actions": actions})
    except Failed:
        await _clear(running, machine, folder)
        raise
    size = await _size(running.monitor, disks[0], name) if running is not None and has_memory else 0
    one = dataclasses.replace(one, is_whole=True, size=size)
    _write(folder, [*(other for other in _all(folder) if other.name != name), one])
    return one


async def delete(running: Optional[Running], machine: Machine, folder: Path, name: str) -> None:
    """Let go of it. Raises Failed, Refused."""
    found = _found(folder, name)
    known = [dataclasses.replace(one, is_whole=one.is_whole and one.name != found.name) for one in _all(folder)]
    _write(folder, known)
    await _clear(running, machine, folder)


def intend(machine: Machine, folder: Path, name: str) -> Snapshot:
    """From now on it shall be brought back to this one, whatever happens. Raises Failed where it does not fit."""
    found = _found(folder, name)
    if found.disks != _disks(machine):
        raise Failed(f"it had the disks {', '.join(found.disks)} then, and has {', '.join(_disks(machine))} now")
    if found.has_memory and found.shape != warm.shape(machine):
        raise Failed(
            "its processors, memory or devices are not as they were then; declare them as they were, and apply"
        )
    places.write_json(folder / INTENT, {"version": 1, "name": name}, durable=True)
    return found


async def roll_back(machine: Machine, folder: Path, found: Snapshot) -> None:
    """Its disks, while it does not run. Raises Failed."""
    await _images(machine, folder, "-a", _TAG + found.name)
    _fulfilled(folder)


async def load(running: Running, folder: Path, found: Snapshot) -> None:
    """Its disks and memory, in a QEMU that did not begin yet. Raises Failed, Refused."""
    disks = found.disks
    await _job(running.monitor, "snapshot-load", found.name, disks, vmstate=qemu.node(disks[0]))
    _fulfilled(folder)


def _fulfilled(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        (folder / INTENT).unlink()


async def _clear(running: Optional[Running], machine: Machine, folder: Path) -> None:
    """Away with what is not whole, in all disks."""
    for one in [one for one in _all(folder) if not one.is_whole]:
        if running is not None:
            await _job(running.monitor, "snapshot-delete", one.name, _disks(machine))
        else:
            await _images(machine, folder, "-d", _TAG + one.name, is_missing_fine=True)
        _write(folder, [other for other in _all(folder) if other.name != one.name])


async def _job(monitor: Monitor, command: str, name: str, disks: Sequence[str], **more: str) -> None:
    """Work of QEMU that goes on beside the monitor, to its end."""
    job = f"aivp-{secrets.token_hex(4)}"
    devices = [qemu.node(disk) for disk in disks]
    await monitor.execute(command, {"job-id": job, "tag": _TAG + name, "devices": devices, **more})
    while True:
        found = next((one for one in await monitor.execute("query-jobs") if one["id"] == job), None)
        if found is None:
            raise Failed(f"{command} ended, and nobody knows how")
        if found["status"] == "concluded":
            await monitor.execute("job-dismiss", {"id": job})
            if found.get("error"):
                raise Failed(str(found["error"]))
            return
        await asyncio.sleep(_POLL)


async def _size(monitor: Monitor, disk: str, name: str) -> int:
    for node in await monitor.execute("query-named-block-nodes", {"flat": True}):
        if node.get("node-name") == qemu.node(disk):
            for one in node["image"].get("snapshots", ()):
                if one["name"] == _TAG + name:
                    return int(one["vm-state-size"])
    return 0


async def _images(machine: Machine, folder: Path, option: str, tag: str, is_missing_fine: bool = False) -> None:
    """The same with `qemu-img`, for a VM that does not run."""
    for disk in machine.disks:
        if disk.is_read_only:
            continue
        path = str(folder / disk.file)
        if is_missing_fine and tag not in await _output("qemu-img", "snapshot", "-l", path):
            continue
        await _output("qemu-img", "snapshot", option, tag, path)


async def _output(*argv: str) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=ENVIRONMENT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise Failed(f"{argv[0]} cannot be started: {error.strerror}") from error
    said, complaint = await process.communicate()
    if process.returncode != 0:
        lines = complaint.decode(errors="replace").strip().splitlines()
        raise Failed(lines[-1].partition(": ")[2] if lines else f"{argv[0]} ended with {process.returncode}")
    return said.decode(errors="replace")


def _disks(machine: Machine) -> Tuple[str, ...]:
    """The disks that it writes to. Raises Failed for one that cannot keep snapshots."""
    raw = [disk.name for disk in machine.disks if not disk.is_read_only and disk.format != "qcow2"]
    if raw:
        raise Failed(f"the disk {raw[0]} is {'raw'}, and only qcow2 keeps snapshots")
    found = tuple(disk.name for disk in machine.disks if not disk.is_read_only)
    if not found:
        raise Failed("it has no disk that could keep a snapshot")
    return found


def _found(folder: Path, name: str) -> Snapshot:
    for one in read(folder):
        if one.name == name:
            return one
    names = ", ".join(one.name for one in read(folder))
    raise Failed(f"there is no snapshot {name}" + (f"; there are {names}" if names else ""))


def _all(folder: Path) -> List[Snapshot]:
    form: Mapping[str, Any] = places.read_json(folder / LIST) or {}
    return [Snapshot(**{**one, "disks": tuple(one["disks"])}) for one in form.get("snapshots", ())]


def _write(folder: Path, known: Sequence[Snapshot]) -> None:
    forms: List[Dict[str, Any]] = [dataclasses.asdict(one) for one in known]
    places.write_json(folder / LIST, {"version": 1, "snapshots": forms}, durable=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
