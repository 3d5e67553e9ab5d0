"""The life of one VM: start, stop, pause, restart by policy, and adoption of a QEMU that an earlier supervisor left.

What is asked for comes from `control`; what is so is kept in `state.json`. It ends when there is nothing to watch over.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

from aivp_vm.drivers import qemu

from . import backoff, beginning, ending, places, snapshots, spec, state, warm
from .monitor import Refused
from .running import Failed, Running
from .snapshots import Snapshot
from .spec import Forward, Machine

log = logging.getLogger("supervisor")


class Supervisor:
    """Of the VM in `folder`. running: the VM while it runs; changed: set whenever something happened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = state.read(folder)
        self.running: Optional[Running] = None
        self.changed = asyncio.Event()
        self._lock = asyncio.Lock()
        self._watching: Optional[asyncio.Task[None]] = None
        self._retry: Optional[asyncio.Task[None]] = None
        self._listening: Optional[asyncio.Task[None]] = None

    @property
    def is_idle(self) -> bool:
        """Nothing runs, and nothing will start by itself."""
        return self.running is None and self._retry is None and not self._lock.locked()

    def machine(self) -> Machine:
        """The VM as it is declared now. Raises Failed where it is not made yet."""
        form = (places.read_json(self.folder / places.SPEC) or {}).get("machine")
        if form is None:
            raise Failed("it is not made yet")
        return spec.read(form)

    async def adopt(self) -> None:
        """Take over the QEMU that runs, if one does; what was half done on its way up is done now."""
        async with self._lock:
            try:
                found = await Running.adopt(self.machine(), self.folder)
            except Failed as error:
                log.warning("cannot take over: %s", error)
                return
            if found is None:
                return
            found.forwards = list(self.state.forwards)
            log.info("took over QEMU %s", found.process.pid)
            self._begin(found)
            status = await found.status()
            if status == "inmigrate" or snapshots.wanted(self.folder):  # nobody knows how much of its state it has
                await self._cut(found)
            elif status == "prelaunch":
                await self._let_run(found, found.machine)
            else:
                self._note(status="paused" if status == "paused" else "running")

    async def start(self, paused: bool = False) -> None:
        """Start it, unless it runs. Raises Failed; nothing of it runs then."""
        self._forget_retry()
        async with self._lock:
            self._note(wanted="paused" if paused else "running", failures=0, error="")
            if self.running is None:
                await self._start(paused)

    async def stop(self, timeout: float = 60.0, force: bool = False) -> None:
        """Shut it down: ask the guest helper, else press the power button; after `timeout` seconds its power is cut."""
        self._forget_retry()
        self._note(wanted="stopped")
        running = self.running
        if running is not None and force:
            await self._cut(running)
        async with self._lock:
            if self.running is not None:
                await self._stop(self.running, timeout)
            self._note(status="stopped", error="")

    async def reboot(self, timeout: float = 60.0, force: bool = False) -> None:
        """Begin again. By force: as the reset button does. Else cleanly, and with what is declared by now."""
        running = self._there()
        if force:
            await running.monitor.execute("system_reset")
            return
        await self.stop(timeout)
        await self.start()

    async def pause(self) -> None:
        """Hold all its processors."""
        async with self._lock:
            await self._there().monitor.execute("stop")
            self._note(wanted="paused", status="paused")

    async def resume(self) -> None:
        """Let them go on."""
        async with self._lock:
            await self._there().monitor.execute("cont")
            self._note(wanted="running", status="running")

    async def forward(self, wanted: Sequence[Forward]) -> None:
        """Exactly these ports lead into it, from now on."""
        async with self._lock:
            running = self._there()
            try:
                await running.forward(wanted)
            finally:
                self._note(forwards=tuple(running.forwards))

    async def grow(self, disk: str, size: int) -> None:
        """Tell the running guest that a disk of it is larger now."""
        async with self._lock:
            await self._there().monitor.execute("block_resize", {"node-name": qemu.node(disk), "size": size})

    async def wait(self, timeout: float) -> None:
        """Return when the guest helper has answered, or at once where there is none. Raises Failed."""
        running = self._there()
        if running.machine.has_helper and not await running.answers_within(timeout):
            if running.process.ended.is_set():
                raise Failed("it ended before its guest helper answered")
            raise Failed(f"the guest helper did not answer within {timeout:g} s")

    async def execute(self, command: str, arguments: Optional[Mapping[str, Any]] = None) -> Any:
        """A command for the monitor, as QMP has it."""
        return await self._there().monitor.execute(command, arguments)

    async def let_go(self) -> None:
        """End without the VM: the next supervisor takes it over."""
        self._forget_retry()
        if self._watching is not None:
            self._watching.cancel()
        if self.running is not None:
            await self.running.let_go()

    def _there(self) -> Running:
        if self.running is None:
            raise Failed("it does not run")
        return self.running

    async def _start(self, paused: bool) -> None:
        machine = self.machine()
        found = await Running.adopt(machine, self.folder)
        self._note(status="starting", starts=self.state.starts + 1, hello=None, forwards=())
        try:
            running = found or await beginning.begin(machine, self.folder)
        except Failed as error:
            self._note(status="failed", error=str(error))
            raise
        self._note(is_warm=running.machine.is_incoming)
        self._begin(running)
        try:
            await self._let_run(running, machine, paused)
        except (Failed, Refused) as error:
            await self._cut(running)
            self._note(status="failed", error=str(error))
            raise Failed(str(error)) from error

    async def freeze(self) -> None:
        """Make a template of it: what it is now stays, and it runs no more. Raises Failed."""
        async with self._lock:
            running = self._there()
            self._note(wanted="stopped", status="stopping")
            try:
                await warm.freeze(running, self.folder)
            finally:
                if running.process.ended.is_set():
                    await self._ended(running)
                else:
                    self._note(status="running")
        log.info("frozen as a template")

    async def keep(self, name: str, has_memory: bool) -> Snapshot:
        """Take a snapshot. Raises Failed."""
        async with self._lock:
            return await snapshots.take(self.running, self.machine(), self.folder, name, has_memory)

    async def drop(self, name: str) -> None:
        """Delete a snapshot. Raises Failed."""
        async with self._lock:
            await snapshots.delete(self.running, self.machine(), self.folder, name)

    async def restore(self, name: str) -> None:
        """Bring it back to a snapshot: what it is now is lost. Raises Failed."""
        self._forget_retry()
        async with self._lock:
            found = snapshots.intend(self.machine(), self.folder, name)
            paused, is_there = self.state.status == "paused", self.running is not None
            if self.running is not None:
                await self._cut(self.running)
            if is_there or found.has_memory:
                self._note(wanted="paused" if paused else "running", failures=0, error="")
                await self._start(paused)
            else:
                await snapshots.roll_back(self.machine(), self.folder, found)

    async def _let_run(self, running: Running, machine: Machine, paused: bool = False) -> None:
        await running.forward(machine.forwards)
        self._note(forwards=tuple(running.forwards), accelerator=machine.accelerator)
        if not paused:
            await running.monitor.execute("cont")
        self._note(status="paused" if paused else "running")
        log.info("started QEMU %s", running.process.pid)

    def _begin(self, running: Running) -> None:
        self.running = running
        self._watching = asyncio.ensure_future(self._watch(running))
        self._listening = asyncio.ensure_future(self._listen(running))
        running.met = lambda: self._note(
            hello=running.guest.hello,
            host_keys=tuple((running.guest.hello or {}).get("ssh_host_keys", self.state.host_keys)),
        )

    async def _stop(self, running: Running, timeout: float) -> None:
        self._note(status="stopping")
        await ending.shut_down(running, timeout)
        await self._cut(running)

    async def _cut(self, running: Running) -> None:
        await ending.cut(running)
        await self._ended(running)

    async def _watch(self, running: Running) -> None:
        """Its end, whoever brought it about."""
        await running.process.ended.wait()
        async with self._lock:  # whoever stopped it has kept the books by then
            if self.running is running:
                await self._ended(running)
                self._after(running)

    async def _ended(self, running: Running) -> None:
        if self.running is running:
            self.running = None
            if self._listening is not None:
                self._listening.cancel()
            await running.let_go()
            self._note(status="stopped", hello=None, forwards=())

    def _after(self, running: Running) -> None:
        """It ended by itself: is it started again?"""
        is_failure = running.reason not in ("guest-shutdown", "host-qmp-quit")
        ran, failures = time.monotonic() - running.begun, self.state.failures
        wait = None
        if self.state.wanted != "stopped":
            wait = backoff.delay(running.machine.restart, is_failure, ran, failures)
        error = f"QEMU ended with {running.process.status}" if is_failure else ""
        log.info("it ended by itself (%s); next start: %s", running.reason or error, wait)
        if wait is None:
            self._note(status="crashed" if is_failure else "stopped", error=error)
            return
        self._note(status="waiting", failures=(0 if ran >= backoff.STEADY else failures) + 1, error=error)
        self._retry = asyncio.ensure_future(self._start_later(wait))

    async def _start_later(self, delay: float) -> None:
        await asyncio.sleep(delay)
        async with self._lock:
            self._retry = None
            try:
                await self._start(paused=False)
            except Failed as error:
                log.warning("it did not start again: %s", error)

    def _forget_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    async def _listen(self, running: Running) -> None:
        """What QEMU tells by itself."""
        async for event in running.monitor.events():
            if event["event"] == "SHUTDOWN":
                running.reason = str(event.get("data", {}).get("reason", ""))
            elif event["event"] in ("STOP", "RESUME") and self.state.status in ("running", "paused"):
                self._note(status="paused" if event["event"] == "STOP" else "running")
            elif event["event"] == "VSERPORT_CHANGE" and not event.get("data", {}).get("open", True):
                running.guest.gone()

    def _note(self, **changes: Any) -> None:
        after = dataclasses.replace(self.state, **changes)
        if after != self.state:
            self.state = after
            after.write(self.folder)
            self.changed.set()
            self.changed.clear()


def summary(supervisor: Supervisor) -> Dict[str, Any]:
    """The state, with what only the living know."""
    running = supervisor.running
    return {**dataclasses.asdict(supervisor.state), "pid": None if running is None else running.process.pid}
