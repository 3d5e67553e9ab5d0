"""How a VM begins: by booting, from the memory of its template, or from a snapshot that it shall be brought back to.

What comes back stands still, at every door; nothing runs where it fails.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from . import snapshots, warm
from .monitor import Refused
from .running import Failed, Running
from .spec import Machine

log = logging.getLogger("supervisor")

_MEETING = 10.0
_ENDING = 10.0


async def begin(machine: Machine, folder: Path) -> Running:
    """A QEMU for the VM. Raises Failed."""
    if warm.frozen(folder) is not None:
        raise Failed("it is a template, which never runs: its clones stand on what it was")
    wanted = snapshots.wanted(folder)
    if wanted is not None:
        warm.spend(folder)
        if not wanted.has_memory:
            await snapshots.roll_back(machine, folder, wanted)
        else:
            return await _restored(machine, folder, wanted)
    cloned = warm.incoming(machine, folder)
    if cloned.is_incoming:
        try:
            return await _thawed(cloned, folder)
        except Failed as error:
            log.warning("no warm start, so it boots: %s", error)
            warm.spend(folder)
    return await Running.start(machine, folder)


async def _thawed(machine: Machine, folder: Path) -> Running:
    running = await Running.start(machine, folder)
    try:
        await warm.thaw(running, folder)
        warm.spend(folder)
        await running.meet(folder, time.monotonic() + _MEETING)
    except (Failed, Refused) as error:
        await _end(running)
        raise Failed(str(error)) from error
    return running


async def _restored(machine: Machine, folder: Path, wanted: snapshots.Snapshot) -> Running:
    running = await Running.start(machine, folder, is_met=False)
    try:
        await snapshots.load(running, folder, wanted)
        await running.meet(folder, time.monotonic() + _MEETING)
    except (Failed, Refused) as error:
        await _end(running)
        raise Failed(f"it cannot be brought back to {wanted.name}: {error}") from error
    return running


async def _end(running: Running) -> None:
    running.process.kill()
    await running.ends_within(_ENDING)
    await running.let_go()
