"""QEMU by hand, as the other side of what is measured of VMs: the same arguments, nobody who watches over it.

Boots until the guest helper says that it is ready, or takes a template's state. As somebody would do it, who has a
script for that: `python -m bench.bare_qemu boot|restore MACHINE.json BASE FOLDER`, started anew each time.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from aivp_guest.switchboard import Switchboard
from aivp_vm.drivers import qemu
from aivp_vm.machine import warm
from aivp_vm.machine.spec import Machine, Ram, read

_WITHIN = 300.0


def script(verb: str, machine: Machine, base: Path, folder: Path) -> float:
    """Seconds until the script has started, and its guest is ready."""
    form = folder.with_suffix(".json")
    form.write_text(json.dumps(machine.form()))
    begun = time.perf_counter()
    argv = [sys.executable, "-m", "bench.bare_qemu", verb, str(form), str(base), str(folder)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    return float(done.stdout) - begun


def boot(machine: Machine, base: Path, folder: Path) -> float:
    """From an empty folder to a guest that is ready: when it was. base: what its disk is an overlay of, raw."""

    def prepare() -> None:
        _overlay(folder / "disks/root.qcow2", base, "raw")

    return asyncio.run(_run(replace(machine, ram=None), folder, prepare, None))


def restore(machine: Machine, template: Path, folder: Path) -> float:
    """The same from a template's memory and disks."""

    def prepare() -> None:
        _overlay(folder / "disks/root.qcow2", template / "disks/root.qcow2", "qcow2")

    ram = Ram(str(template / warm.MEMORY), is_shared=False)
    return asyncio.run(_run(replace(machine, ram=ram, is_incoming=True), folder, prepare, template / warm.DEVICES))


def overlay(path: Path, base: Path, kind: str) -> float:
    """Seconds that `qemu-img create -b` takes."""
    begun = time.perf_counter()
    _overlay(path, base, kind)
    return time.perf_counter() - begun


def _overlay(path: Path, base: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", kind, str(path)]
    subprocess.run(argv, check=True)


async def _run(machine: Machine, folder: Path, prepare: Callable[[], None], state: Path | None) -> float:
    folder.mkdir(parents=True)
    prepare()
    process = subprocess.Popen(qemu.command(machine), cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    board = Switchboard(str(folder / qemu.GUEST_PORT), None, machine.personality)
    try:
        reader, writer = await _monitor(folder / qemu.MONITOR)
        if state is not None:
            await _take(reader, writer, folder, state)
        await board.start()
        await _ask(reader, writer, "cont")
        await board.wait(_WITHIN)
        return time.perf_counter()
    finally:
        await board.close()
        process.kill()
        process.wait()


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, folder: Path, state: Path) -> None:
    capability = {"capability": "x-ignore-shared", "state": True}
    await _ask(reader, writer, "migrate-set-capabilities", capabilities=[capability])
    await _ask(reader, writer, "migrate-incoming", uri="unix:state.sock")
    _, feeding = await asyncio.open_unix_connection(str(folder / "state.sock"))
    feeding.write(state.read_bytes())
    feeding.write_eof()
    while (await _ask(reader, writer, "query-migrate")).get("status") != "completed":
        await asyncio.sleep(0.002)
    feeding.close()


async def _monitor(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    deadline = time.monotonic() + 60
    while (door := await _door(path)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(path)
        await asyncio.sleep(0.002)
    reader, writer = door
    await reader.readline()
    await _ask(reader, writer, "qmp_capabilities")
    return reader, writer


async def _door(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    try:
        return await asyncio.open_unix_connection(str(path))
    except OSError:
        return None


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: str, **arguments: Any) -> Any:
    writer.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
    while True:
        answer = json.loads(await reader.readline())
        if "event" not in answer:
            return answer["return"]


if __name__ == "__main__":
    verb, form, base, folder = sys.argv[1:]
    run = boot if verb == "boot" else restore
    sys.stdout.write(repr(run(read(json.loads(Path(form).read_text())), Path(base), Path(folder))))
