"""The supervisor's connection with the port of its guest: frames that come, and whether it takes more."""

from __future__ import annotations

import asyncio
from typing import Callable, Optional

from aivp_guest import wire
from aivp_guest.wire import Decoder, Frame


class Link(asyncio.Protocol):
    """The connection with the port."""

    transport: asyncio.Transport

    def __init__(self, hear: Callable[[Frame], None], press: Callable[[bool], None]) -> None:
        self._hear = hear
        self._press = press
        self._decoder = Decoder()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=4 * wire.WINDOW)

    def data_received(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            self._hear(frame)

    def connection_lost(self, error: Optional[Exception]) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def pause_writing(self) -> None:
        self.is_full = True
        self._press(True)

    def resume_writing(self) -> None:
        self.is_full = False
        self._press(False)
