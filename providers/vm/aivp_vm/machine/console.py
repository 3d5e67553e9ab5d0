"""The serial console: everything said there into a log of bounded size, and live to whoever is attached."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Optional, Set

LIMIT = 1024 * 1024
"""Bytes of a log; the one before it is kept as NAME.1."""
_CHUNK = 65536


class Log:
    """A file that is appended to, and moved away when it is full."""

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self.path = path
        self.limit = limit

    def write(self, data: bytes) -> None:
        """A full disk costs the log, not the VM."""
        with contextlib.suppress(OSError):
            if self.path.exists() and self.path.stat().st_size + len(data) > self.limit:
                self.path.replace(self.path.with_name(f"{self.path.name}.1"))
            with self.path.open("ab") as file:
                file.write(data)


class Console:
    """One connection to the console of a running VM."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.attached: Set[asyncio.StreamWriter] = set()
        self._writer: Optional[asyncio.StreamWriter] = None
        self._task: Optional[asyncio.Task[None]] = None

    async def open(self, path: str) -> None:
        """Raises OSError while nobody listens there."""
        reader, self._writer = await asyncio.open_unix_connection(path)
        self._task = asyncio.ensure_future(self._pump(reader))

    async def attach(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Be the keyboard and the screen of a client until it leaves, or the VM ends."""
        self.attached.add(writer)
        typed = asyncio.ensure_future(self._typing(reader))
        waiting = [typed, *([self._task] if self._task is not None else [])]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        self.attached.discard(writer)
        typed.cancel()

    async def close(self) -> None:
        """Take what is left to read, and let go."""
        if self._writer is not None:
            self._writer.close()
        if self._task is not None:
            with contextlib.suppress(asyncio.TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(self._task, 1)

    async def _pump(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while True:
                data = await reader.read(_CHUNK)
                if not data:
                    return
                self.log.write(data)
                for writer in list(self.attached):
                    writer.write(data)
                    if writer.transport.get_write_buffer_size() > LIMIT:  # somebody who does not read
                        self.attached.discard(writer)
                        writer.transport.abort()

    async def _typing(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while self._writer is not None:
                data = await reader.read(_CHUNK)
                if not data:
                    return
                self._writer.write(data)
                await self._writer.drain()
