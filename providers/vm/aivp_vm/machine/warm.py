"""Warm starts, on the supervisor's side: a running VM → a template's files; a template's files → a running VM.

The template's memory lies in a file that its QEMU shared with it, so only the state of its devices is written
(x-ignore-shared). A clone maps that file copy-on-write. Its disks fit that memory exactly once: before its first
instruction. So the right to a warm start is a file, and that is gone for good before the clone runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from aivp_vm.drivers import qemu

from . import places
from .monitor import Monitor, Refused
from .running import Failed, Running
from .spec import Card, Limits, Machine, Ram, Restart

MEMORY, DEVICES, FROZEN, ORIGIN = "memory", "devices.state", "frozen.json", "origin.json"
CLONES = "clones"
_SOCKET = "state.sock"
_WITHIN = 120.0
_POLL = 0.002
_CHUNK = 256 * 1024
_CAPABILITIES = {"capabilities": [{"capability": "x-ignore-shared", "state": True}]}
_NONE = {"capabilities": [{"capability": "x-ignore-shared", "state": False}]}


@dataclass(frozen=True)
class Frozen:
    """A template as it was frozen. program: QEMU's version; shape: digest of the arguments that a clone must have.

    looks: file name → size, time of change and inode; files that nobody writes to any more.
    """

    program: str
    shape: str
    looks: Dict[str, List[int]]
    at: float


def shape(machine: Machine) -> str:
    """What must be alike for one's state to fit another: all arguments but names, addresses and files."""
    bare = dataclasses.replace(
        machine,
        name="",
        instance="",
        disks=tuple(dataclasses.replace(disk, file="") for disk in machine.disks),
        cards=tuple(Card("", "user") for _ in machine.cards),
        vnc="unix" if machine.vnc else "",
        boot=dataclasses.replace(machine.boot, variables=""),
        limits=Limits(),
        restart=Restart(),
        forwards=(),
        ram=None,
        is_incoming=False,
        personality={},
    )
    return hashlib.sha256(json.dumps(qemu.command(bare)).encode()).hexdigest()


def frozen(folder: Path) -> Optional[Frozen]:
    """The template in a folder; None where there is none, or not yet."""
    form = places.read_json(folder / FROZEN)
    return None if form is None else Frozen(form["program"], form["shape"], form["looks"], form["at"])


def flaw(folder: Path) -> str:
    """Why the template's files cannot be relied on; empty where they can."""
    found = frozen(folder)
    if found is None:
        return "it is not frozen yet"
    for name, looks in sorted(found.looks.items()):
        if _looks(folder / name) != looks:
            return f"its file {name} is not what it was when it was frozen"
    return ""


def clones(folder: Path) -> List[str]:
    """The VMs that stand on this one, sorted; marks of those that are gone do not count."""
    found = []
    for path in (folder / CLONES).glob("*"):
        known = places.read_json(folder.parent / path.name / places.SPEC) or {}
        if known.get("template") == str(folder):
            found.append(path.name)
    return sorted(found)


def unmark(template: Path, clone: str) -> None:
    """It does not stand on this one any more."""
    with contextlib.suppress(OSError):
        (template / CLONES / clone).unlink()


def incoming(machine: Machine, folder: Path) -> Machine:
    """The VM as it is started this time: from its template's state, while it has the right to that."""
    origin = (places.read_json(folder / ORIGIN) or {}).get("template")
    if origin is None:
        return machine
    return dataclasses.replace(machine, ram=Ram(f"{origin}/{MEMORY}", is_shared=False), is_incoming=True)


def spend(folder: Path) -> None:
    """From now on it boots: what it writes to its disks is not what the template's memory knows of."""
    with contextlib.suppress(FileNotFoundError):
        (folder / ORIGIN).unlink()
        _sync(folder)


async def freeze(running: Running, folder: Path) -> None:
    """Hold the VM, and keep it; its QEMU has ended when this returns. Raises Failed: it runs on then, or has ended."""
    version = await _version(running.monitor)
    await running.monitor.execute("stop")
    try:
        await running.monitor.execute("migrate-set-capabilities", _CAPABILITIES)
        await _save(running.monitor, folder / DEVICES)
    except (Failed, Refused, OSError) as error:
        with contextlib.suppress(Refused):
            await running.monitor.execute("cont")
        raise Failed(f"it cannot be frozen: {error}") from error
    with contextlib.suppress(Refused):
        await running.monitor.execute("quit")
    if not await running.ends_within(_WITHIN):
        raise Failed("it was frozen, and QEMU does not end")
    _seal(folder, running.machine, version)


async def thaw(running: Running, folder: Path) -> None:
    """Give a QEMU that waits for it the template's state; it stands still then, as the template did. Raises Failed."""
    origin = (places.read_json(folder / ORIGIN) or {}).get("template")
    if origin is None:
        raise Failed("it has no template any more")
    known = frozen(Path(origin))
    if flaw(Path(origin)):
        raise Failed(flaw(Path(origin)))
    version = await _version(running.monitor)
    if known is None or known.program != version:
        raise Failed(f"the template is of QEMU {known.program if known else '?'}, and this is {version}")
    try:
        await running.monitor.execute("migrate-set-capabilities", _CAPABILITIES)
        await running.monitor.execute("migrate-incoming", {"uri": f"unix:{_SOCKET}"})
        await _load(Path(origin) / DEVICES)
        await _completed(running)
        await running.monitor.execute("migrate-set-capabilities", _NONE)  # snapshots are of another form with it
    except (Refused, OSError) as error:
        raise Failed(f"the template's state was not taken: {error}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_SOCKET)


def _seal(folder: Path, machine: Machine, version: str) -> None:
    names = [MEMORY, DEVICES, *(disk.file for disk in machine.disks if not disk.is_read_only)]
    for name in names:
        path = folder / name
        path.chmod(0o400)  # a clone that opened one for writing would be the end of all the others
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    form = Frozen(version, shape(machine), {name: _looks(folder / name) for name in names}, time.time())
    places.write_json(folder / FROZEN, {"version": 1, **dataclasses.asdict(form)}, durable=True)
    _sync(folder)


async def _save(monitor: Monitor, target: Path) -> None:
    draft = target.with_name(f".{target.name}")
    taken = asyncio.get_running_loop().create_future()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with open(draft, "wb", opener=_private) as file:
            while chunk := await reader.read(_CHUNK):
                file.write(chunk)
        writer.close()
        taken.set_result(None)

    with contextlib.suppress(FileNotFoundError):
        os.unlink(_SOCKET)
    server = await asyncio.start_unix_server(take, _SOCKET)
    try:
        await monitor.execute("migrate", {"uri": f"unix:{_SOCKET}"})
        deadline = time.monotonic() + _WITHIN
        while (found := await monitor.execute("query-migrate")).get("status") != "completed":
            if found.get("status") in ("failed", "cancelled") or time.monotonic() > deadline:
                raise Failed(str(found.get("error-desc") or found.get("status")))
            await asyncio.sleep(_POLL)
        await asyncio.wait_for(taken, _WITHIN)
    finally:
        server.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_SOCKET)
    draft.replace(target)


async def _load(source: Path) -> None:
    _, writer = await asyncio.open_unix_connection(_SOCKET)
    try:
        with open(source, "rb") as file:
            while chunk := file.read(_CHUNK):
                writer.write(chunk)
                await writer.drain()
        writer.write_eof()
    finally:
        writer.close()


async def _completed(running: Running) -> None:
    deadline = time.monotonic() + _WITHIN
    while True:
        if running.process.ended.is_set():
            raise Failed("QEMU ended while it took the template's state")
        found: Dict[str, Any] = await running.monitor.execute("query-migrate")
        if found.get("status") == "completed":
            return
        if found.get("status") == "failed" or time.monotonic() > deadline:
            raise Failed(f"the template's state was not taken: {found.get('error-desc', 'QEMU does not say why')}")
        await asyncio.sleep(_POLL)


async def _version(monitor: Monitor) -> str:
    found = await monitor.execute("query-version")
    return (
        str(found["package"] or "") + " " + ".".join(str(found["qemu"][part]) for part in ("major", "minor", "micro"))
    )


def _looks(path: Path) -> List[int]:
    try:
        found = path.stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
