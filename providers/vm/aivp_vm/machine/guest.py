"""The door to the guest: the virtio-serial port of the guest helper on one side, `guest.sock` on the other.

Only one may speak on the port, so the supervisor holds it and joins whoever comes with it.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Dict, Mapping, Optional

_CHUNK = 65536


class Guest:
    """The helper of one running VM. hello: what it said of itself, once it answered; `answered` is set then."""

    def __init__(self) -> None:
        self.hello: Optional[Dict[str, Any]] = None
        self.answered = asyncio.Event()
        self._server: Optional[asyncio.AbstractServer] = None
        self._writer: Optional[asyncio.StreamWriter] = None
        self._client: Optional[asyncio.StreamWriter] = None
        self._task: Optional[asyncio.Task[None]] = None

    async def open(self, port: str, door: str) -> None:
        """Raises OSError while nobody listens at `port`."""
        reader, self._writer = await asyncio.open_unix_connection(port)
        self._task = asyncio.ensure_future(self._pump(reader))
        self._server = await asyncio.start_unix_server(self._serve, door)

    async def shut_down(self, reboot: bool = False) -> bool:
        """Ask the guest to end, or to begin again; False where nobody in there can be asked."""
        return False

    async def personalise(self, personality: Mapping[str, Any]) -> None:
        """Tell the guest who it is, before it counts as ready."""

    async def close(self) -> None:
        """Let go of the port, and of whoever is joined with it."""
        if self._server is not None:
            self._server.close()
        for writer in (self._writer, self._client):
            if writer is not None:
                writer.close()
        if self._task is not None:
            self._task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._client is not None or self._writer is None:
            writer.close()
            return
        self._client = writer
        try:
            with contextlib.suppress(OSError):
                while data := await reader.read(_CHUNK):
                    self._writer.write(data)
                    await self._writer.drain()
        finally:
            self._client = None
            writer.close()

    async def _pump(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self._client is not None:
                    self._client.write(data)
                    await self._client.drain()
