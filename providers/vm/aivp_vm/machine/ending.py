"""The end of a running VM: asked for within, by its power button, or by force. Whoever asked keeps the books."""

from __future__ import annotations

import asyncio
import contextlib
import time

from .monitor import Refused
from .running import Running

PRESSED_AGAIN = 3.0
KILLED_WITHIN = 10.0
"""Seconds that a killed QEMU may take to be gone: its files may have to reach the disk."""


async def shut_down(running: Running, timeout: float) -> None:
    """Ask the guest helper, else press the power button; whether it has ended within `timeout` seconds shows then."""
    with contextlib.suppress(Refused):
        if await running.status() == "paused":
            await running.monitor.execute("cont")  # who is held cannot shut down
        if await running.guest.shut_down():
            await running.ends_within(timeout)
        else:
            await _press(running, timeout)


async def cut(running: Running) -> None:
    """Its power: QEMU writes out what it holds, or is killed."""
    if not running.process.ended.is_set():
        with contextlib.suppress(Refused, asyncio.TimeoutError):
            await asyncio.wait_for(running.monitor.execute("quit"), 2)
            await running.ends_within(3)
    running.process.kill()
    await running.ends_within(KILLED_WITHIN)


async def _press(running: Running, timeout: float) -> None:
    """The power button, again and again: a guest that is still on its way up does not feel it."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        await running.monitor.execute("system_powerdown")
        if await running.ends_within(min(PRESSED_AGAIN, deadline - time.monotonic())):
            return
