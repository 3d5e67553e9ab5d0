"""One running VM: its process and the doors to it (monitor, console, guest); opened for a new or a found one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, List, Optional, Sequence

from aivp_vm.drivers import qemu

from . import forwards, places
from .console import Console, Log
from .guest import Guest
from .holders import holder
from .monitor import Monitor, Refused
from .process import Process
from .spec import Forward, Machine

OPENING = 60.0
"""Seconds within which a QEMU that was started opens its doors, on a host that is busy."""
_POLL = 0.01


class Failed(Exception):
    """The VM could not be started, or changed; the text is for people."""


class Running:
    """A VM that runs. begun: when, by the monotonic clock; reason: what QEMU says of its end, once it said so.

    met: called when the guest helper answers, or no longer does.
    """

    def __init__(self, machine: Machine, process: Process, console_log: Path) -> None:
        self.machine = machine
        self.process = process
        self.monitor = Monitor()
        self.console = Console(Log(console_log))
        self.met: Callable[[], None] = lambda: None
        self.guest = Guest(machine.personality, self._met)
        self.forwards: List[Forward] = []
        self.begun = time.monotonic()
        self.reason = ""

    @classmethod
    async def start(cls, machine: Machine, folder: Path, is_met: bool = True) -> Running:
        """QEMU, stopped before its first instruction. is_met: its guest hears from us at once. Raises Failed."""
        for door in (qemu.MONITOR, qemu.CONSOLE, qemu.GUEST_PORT):
            with contextlib.suppress(FileNotFoundError):
                (folder / door).unlink()
        try:
            process = Process.start(qemu.command(machine), folder, folder / places.PROGRAM_LOG)
        except OSError as error:
            raise Failed(f"{machine.program} cannot be started: {error.strerror}") from error
        made = cls(machine, process, folder / places.CONSOLE_LOG)
        try:
            await made._open(folder, is_met and not machine.is_incoming)
        except Failed:
            process.kill()
            await made.let_go()
            raise
        return made

    @classmethod
    async def adopt(cls, machine: Machine, folder: Path) -> Optional[Running]:
        """The QEMU that runs already, or None. Raises Failed where there is one that does not answer."""
        pid = holder(folder / qemu.PID_FILE)
        if pid is None:
            return None
        try:
            made = cls(machine, Process(pid), folder / places.CONSOLE_LOG)
            await made._open(folder)
        except ProcessLookupError:
            return None
        return made

    def _met(self) -> None:
        self.met()

    async def let_go(self) -> None:
        """Close our doors; the VM may go on."""
        for closing in (self.guest.close(), self.monitor.close(), self.console.close()):
            await closing

    async def ends_within(self, timeout: float) -> bool:
        """Whether it ends within so many seconds."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.process.ended.wait(), timeout)
        return self.process.ended.is_set()

    async def answers_within(self, timeout: float) -> bool:
        """Whether its guest helper answers within so many seconds, and it lives so long."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self.process.ended, self.guest.answered)]
        await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()
        return self.guest.answered.is_set()

    async def status(self) -> str:
        """What QEMU says of it: running, paused, prelaunch, inmigrate and others."""
        found: Dict[str, Any] = await self.monitor.execute("query-status")
        return str(found["status"])

    async def forward(self, wanted: Sequence[Forward]) -> None:
        """Exactly these ports, live. Raises Failed for one that is taken; those before it are open then."""
        gone, new = forwards.changes(self.forwards, wanted)
        for one in gone:
            await self.monitor.human(forwards.removal(one))
            self.forwards.remove(one)
        for one in new:
            said = await self.monitor.human(forwards.addition(one))
            if said:
                raise Failed(f"{one.place} of the host cannot be forwarded: {_taken(one) or said}")
            self.forwards.append(one)

    async def _open(self, folder: Path, is_met: bool = True) -> None:
        deadline = time.monotonic() + OPENING
        await self._patiently(lambda: self.monitor.open(qemu.MONITOR), folder, deadline)
        await self._patiently(lambda: self.console.open(qemu.CONSOLE), folder, deadline)
        if is_met:
            await self.meet(folder, deadline)

    async def meet(self, folder: Path, deadline: float) -> None:
        """Open the door to the guest, and tell it what it is. deadline: by the monotonic clock. Raises Failed."""
        await self._patiently(lambda: self.guest.open(qemu.GUEST_PORT, places.GUEST), folder, deadline)

    async def _patiently(self, opening: Callable[[], Awaitable[None]], folder: Path, deadline: float) -> None:
        while True:
            if self.process.ended.is_set():
                raise Failed(last_words(folder))
            try:
                await asyncio.wait_for(opening(), max(deadline - time.monotonic(), 1))
                return
            except (OSError, asyncio.TimeoutError, Refused) as error:
                if time.monotonic() > deadline:
                    raise Failed("QEMU runs, but does not answer on its monitor") from error
                await asyncio.sleep(_POLL)


def last_words(folder: Path) -> str:
    """Why QEMU ended, from what it wrote."""
    try:
        lines = (folder / places.PROGRAM_LOG).read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    said = [line.partition(": ")[2] or line for line in lines if line.strip()]
    return "QEMU ended: " + (said[-1] if said else "it said nothing")


def _taken(forward: Forward) -> str:
    """Why a port cannot be had, where trying it shows that: QEMU only says that it could not."""
    kind = socket.SOCK_DGRAM if forward.protocol == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in forward.address else socket.AF_INET
    with socket.socket(family, kind) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((forward.address or "0.0.0.0", forward.listen))  # noqa: S104  # as QEMU would
        except OSError as error:
            return os.strerror(error.errno or 0)
    return ""
