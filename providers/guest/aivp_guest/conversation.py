"""One request of a client ↔ frames on its connection: input as far as granted, output granted as it is taken."""

from __future__ import annotations

import select
import socket
import time
from typing import Any, Dict, Optional

from aivp_guest import wire
from aivp_guest.wire import Decoder, Frame, Messages


class GuestError(Exception):
    """Why a guest did not do it: a code that programs know, and a sentence.

    `not_running`: there is no machine behind the socket; `not_ready`: it does not answer; `timeout`; `lost`: it went
    away meanwhile; `not_found`, `not_executable`, `os:NUMBER`, …: its own no.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Line:
    """The connection. One conversation at a time; frames of an earlier one are dropped."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        connection.setblocking(False)
        self._decoder = Decoder()
        self._messages = Messages()
        self._talk: Optional[Conversation] = None
        self._numbers = 0
        self.ready: Optional[Dict[str, Any]] = None
        self.deadline: Optional[float] = None

    def start(self, request: Dict[str, Any], seconds: Optional[float]) -> Conversation:
        """Begin a conversation; it has to be left (`with`) before the next."""
        self.deadline = None if seconds is None else time.monotonic() + seconds
        while self.ready is None:
            self.receive()
        self._numbers += 1
        self._talk = Conversation(self, self._numbers)
        self.send(wire.encode_message(wire.START, self._numbers, request))
        return self._talk

    def end(self, talk: Conversation) -> None:
        """The conversation is over; what it asked for ends, unless it has."""
        self._talk = None
        self._messages.drop(talk.number)
        if not talk.is_over:
            try:
                self.deadline = time.monotonic() + 1
                self.send(wire.encode(wire.CANCEL, talk.number))
            except GuestError:
                self.close()

    def send(self, data: bytes) -> None:
        """Send all of it; what comes meanwhile is heard."""
        left = memoryview(data)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                if self._wait(select.POLLIN | select.POLLOUT) & select.POLLIN:
                    self._hear()
            except OSError:
                raise GuestError("lost", "the machine has gone") from None

    def receive(self) -> None:
        """Wait for something, and hear it."""
        self._wait(select.POLLIN)
        self._hear()

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def _wait(self, events: int) -> int:
        if self._socket.fileno() < 0:
            raise GuestError("lost", "the connection is closed")
        poll = select.poll()
        poll.register(self._socket, events)
        left = None if self.deadline is None else max(0.0, self.deadline - time.monotonic()) * 1000
        found = poll.poll(left)
        if not found:
            raise GuestError("timeout", "the guest did not answer in time")
        return found[0][1]

    def _hear(self) -> None:
        try:
            data = self._socket.recv(256 * 1024)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            raise GuestError("lost", "the machine has gone")
        for frame in self._decoder.feed(data):
            self._frame(frame)

    def _frame(self, frame: Frame) -> None:
        try:
            if frame.kind == wire.READY:
                self.ready = self._messages.add(frame) or self.ready
            elif self._talk is not None and frame.stream == self._talk.number:
                message = self._messages.add(frame) if frame.kind == wire.END else None
                self._talk.hear(frame, message)
        except wire.BadMessage as error:
            raise GuestError("bad_answer", str(error)) from None


class Conversation:
    """A request that is in hand: written to as its stdin, read from as its stdout; `out` and `err` are unread."""

    def __init__(self, line: Line, number: int) -> None:
        self._line = line
        self._credit = wire.WINDOW
        self._taken = 0
        self._is_read = False
        self._end: Optional[Dict[str, Any]] = None
        self.number = number
        self.out = bytearray()
        self.err = bytearray()

    def __enter__(self) -> Conversation:  # noqa: PYI034 (Self is newer than the hosts)
        return self

    def __exit__(self, *_: object) -> None:
        self._line.end(self)

    @property
    def is_over(self) -> bool:
        """Whether the guest has ended it."""
        return self._end is not None

    def write(self, data: bytes) -> None:
        """Send it all to stdin, as far as anybody takes it."""
        left = memoryview(data)
        while left and not self.is_over:
            size = min(len(left), wire.PAYLOAD, self._credit)
            if size:
                self._credit -= size
                self._line.send(wire.encode(wire.IN, self.number, bytes(left[:size])))
                left = left[size:]
            else:
                self._line.receive()

    def finish(self) -> None:
        """Nothing more comes for stdin."""
        if not self.is_over:
            self._line.send(wire.encode(wire.EOF, self.number))

    def read(self, size: int) -> bytes:
        """So many bytes of stdout, fewer only at its end; granted no faster than they are read."""
        self._is_read = True
        while not self.is_over and len(self.out) < size:
            self._grant(self._taken)
            self._line.receive()
        found = bytes(self.out[:size])
        del self.out[: len(found)]
        return found

    def answer(self) -> Dict[str, Any]:
        """What the guest says at the end. Raises GuestError."""
        self._is_read = False
        self._grant(self._taken)
        while self._end is None:
            self._line.receive()
        error = self._end.get("error")
        if isinstance(error, dict):
            shown = "".join(each if each.isprintable() else "?" for each in str(error.get("message"))[:1000])
            raise GuestError(str(error.get("code"))[:100], shown)
        return self._end

    def status(self) -> int:
        """The exit status."""
        status = self.answer().get("status")
        if not isinstance(status, int) or not 0 <= status <= 255:
            raise GuestError("bad_answer", "the guest's answer has no exit status")
        return status

    def hear(self, frame: Frame, message: Optional[Dict[str, Any]]) -> None:
        """A frame of this conversation."""
        if frame.kind in (wire.OUT, wire.ERR):
            (self.out if frame.kind == wire.OUT else self.err).extend(frame.payload)
            self._taken += len(frame.payload)
            if not self._is_read:
                self._grant(wire.WINDOW // 4)
        elif frame.kind == wire.CREDIT:
            self._credit += wire.credit(frame)
        elif message is not None:
            self._end = message

    def _grant(self, least: int) -> None:
        if self._taken >= max(1, least) and not self.is_over:
            granted, self._taken = self._taken, 0
            self._line.send(wire.encode_credit(self.number, granted))
