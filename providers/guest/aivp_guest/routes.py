"""Who asked for a stream of the guest: a client on the socket, or the supervisor itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Dict, Optional, Protocol, Union

from aivp_guest import wire
from aivp_guest.ready import Ready
from aivp_guest.wire import Decoder, Frame

_UNREAD = 8 * 1024 * 1024
"""Bytes that may wait for a client: whoever grants more than it reads is cut off."""

_STREAMS = 64


class Lost(Exception):
    """A request got no answer: the guest refused it, or went away."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Board(Protocol):
    """What a client needs of the switchboard."""

    def join(self, client: Client) -> None: ...
    def leave(self, owner: Client) -> None: ...
    def begin(self, client: Client, stream: int) -> Optional[int]: ...
    def forward(self, frame: Frame) -> None: ...


@dataclass
class Route:
    """A stream of the guest: whose it is, its number there, and how much the guest may still send."""

    owner: Union[Client, Caller]
    stream: int
    window: int = wire.WINDOW


class Caller:
    """The supervisor, which waits for an answer."""

    def __init__(self, answer: asyncio.Future[Dict[str, Any]]) -> None:
        self.answer = answer

    def take(self, route: Route, frame: Frame) -> None:
        """Its requests have no streams."""

    def end(self, route: Route, message: Dict[str, Any]) -> None:
        """The answer, or Lost."""
        error = message.get("error")
        if self.answer.done():
            return
        if isinstance(error, dict):
            self.answer.set_exception(Lost(str(error.get("code")), str(error.get("message"))[:1000]))
        else:
            self.answer.set_result(message)


class Client(asyncio.Protocol):
    """A connection on the socket; its numbers of streams are its own."""

    transport: asyncio.Transport

    def __init__(self, board: Board) -> None:
        self._board = board
        self._decoder = Decoder()
        self._streams: Dict[int, int] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._board.join(self)

    def connection_lost(self, error: Optional[Exception]) -> None:
        self._streams.clear()
        self._board.leave(self)

    def data_received(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            if frame.kind == wire.GAP:
                self.transport.abort()  # no client of ours sends anything but frames
                return
            self._frame(frame)

    def greet(self, ready: Ready) -> None:
        """The guest is ready."""
        self._write(wire.encode_message(wire.READY, 0, ready.message()))

    def take(self, route: Route, frame: Frame) -> None:
        """A frame of the guest."""
        self._write(wire.encode(frame.kind, route.stream, frame.payload, frame.is_more))

    def end(self, route: Route, message: Dict[str, Any]) -> None:
        """The end of a stream."""
        self._streams.pop(route.stream, None)
        self._write(wire.encode_message(wire.END, route.stream, message))

    def _frame(self, frame: Frame) -> None:
        number = self._streams.get(frame.stream)
        if number is None and frame.kind == wire.START:
            number = self._begin(frame.stream)
        if number is not None and frame.kind in (
            wire.START,
            wire.IN,
            wire.EOF,
            wire.CREDIT,
            wire.CONTROL,
            wire.CANCEL,
        ):
            self._board.forward(Frame(frame.kind, number, frame.payload, frame.is_more))

    def _begin(self, stream: int) -> Optional[int]:
        number = self._board.begin(self, stream) if stream and len(self._streams) < _STREAMS else None
        if number is None:
            error = {"code": "not_ready", "message": "the guest does not answer"}
            self._write(wire.encode_message(wire.END, stream, {"error": error}))
        else:
            self._streams[stream] = number
        return number

    def _write(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(data)
        if self.transport.get_write_buffer_size() > _UNREAD:
            self.transport.abort()
