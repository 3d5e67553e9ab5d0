"""A command in the guest ↔ this process: stdin, stdout, stderr byte by byte, signals and exit status.

    python3 -I enter.py [--pty] [--user NAME] [--env NAME=VALUE] [--cwd FOLDER] [--wait SECONDS] [--socket PATH]
                        [--] ARGV…

It is a channel that whole sessions pass through, so it starts fast, holds little and ends the command when it is ended.
Exit status 255, with a sentence on stderr, where the guest does not answer; 126 and 127 as of a shell.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from typing import Any, Dict, List, NoReturn, Optional, Set, Tuple

from aivp_guest import wire
from aivp_guest.wire import Decoder, Frame, Messages

_AT_ONCE = 4096  # a pipe that counts as writable takes so much without blocking
_WAIT = 30.0
_FORWARDED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_STREAM = 1
_UNREACHABLE = 255
_CODES = {"not_found": 127, "not_executable": 126}


class Unreachable(Exception):
    """There is no way in, in a sentence."""


def main(argv: Optional[List[str]] = None) -> int:
    """Run ARGV there; its exit status, or 128 and the number of the signal that ended it."""
    _fill_standard_streams()
    try:
        request, place, wait = _read(sys.argv[1:] if argv is None else argv)
        bridge = Bridge(place, request, wait)
        if request.get("pty") is None:
            return bridge.run()
        from aivp_guest.terminal import raw

        with raw(0, bridge.resize):
            return bridge.run()
    except Unreachable as error:
        sys.stderr.write(f"aivp: {error}\n")
        return _UNREACHABLE


class Bridge:
    """One command in the guest, connected with this process."""

    def __init__(self, place: str, request: Dict[str, Any], wait: float) -> None:
        self._fd = _connect(place)
        self._decoder = Decoder()
        self._messages = Messages()
        self._outgoing = bytearray()
        self._waiting: Dict[int, List[bytes]] = {1: [], 2: []}
        self._credit = wire.WINDOW
        self._consumed = 0
        self._has_input = True
        self._status: Optional[int] = None
        self._is_over = False
        self._asked_to_end: Set[int] = set()
        self._await_ready(time.monotonic() + wait, wait)
        self._signals = _signals()
        self._outgoing += wire.encode_message(wire.START, _STREAM, request)

    def run(self) -> int:
        """Until the command has ended and all that it said is written."""
        while not self._is_over or any(self._waiting.values()):
            self._turn()
        assert self._status is not None
        return self._status

    def resize(self, rows: int, columns: int) -> None:
        """The terminal has another size."""
        self._outgoing += wire.encode_message(wire.CONTROL, _STREAM, {"rows": rows, "columns": columns})

    def _turn(self) -> None:
        poll = select.poll()
        if not self._is_over:
            poll.register(self._fd, select.POLLIN | (select.POLLOUT if self._outgoing else 0))
            poll.register(self._signals, select.POLLIN)
            if self._has_input and self._credit > 0 and len(self._outgoing) < wire.WINDOW:
                poll.register(0, select.POLLIN)
        for fd, waiting in self._waiting.items():
            if waiting or (fd == 1 and not self._is_over):
                poll.register(fd, select.POLLOUT if waiting else 0)
        for fd, events in poll.poll():
            if fd == self._signals:
                self._forward()
            elif fd == self._fd:
                self._exchange(events)
            elif fd == 0:
                self._take_input()
            else:
                self._write(fd, events)

    def _exchange(self, events: int) -> None:
        if events & select.POLLOUT:
            try:
                del self._outgoing[: os.write(self._fd, self._outgoing)]
            except BlockingIOError:
                pass
            except OSError:
                raise Unreachable("the guest's channel was closed") from None
        if events & ~select.POLLOUT:
            for frame in self._receive():
                self._frame(frame)

    def _receive(self) -> List[Frame]:
        try:
            data = os.read(self._fd, 256 * 1024)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            raise Unreachable("the guest's channel was closed")
        return self._decoder.feed(data)

    def _frame(self, frame: Frame) -> None:
        if frame.stream != _STREAM:
            return
        if frame.kind in (wire.OUT, wire.ERR):
            self._waiting[1 if frame.kind == wire.OUT else 2].append(frame.payload)
        elif frame.kind == wire.CREDIT:
            self._credit += wire.credit(frame)
        elif frame.kind == wire.END:
            try:
                message = self._messages.add(frame)
            except wire.BadMessage as error:
                raise Unreachable(f"the guest's answer is {error}") from None
            if message is not None:
                self._end(message)

    def _end(self, message: Dict[str, Any]) -> None:
        self._is_over = True
        status = message.get("status")
        error = message.get("error")
        if isinstance(status, int) and 0 <= status <= 255:
            self._status = status
        elif isinstance(error, dict):
            code = str(error.get("code"))
            self._status = _CODES.get(code, _UNREACHABLE)
            said = "".join(each if each.isprintable() else "?" for each in str(error.get("message"))[:1000])
            self._waiting[2].append(f"aivp: {said}\n".encode())
        else:
            raise Unreachable("the guest's answer says nothing")

    def _take_input(self) -> None:
        try:
            data = os.read(0, min(wire.PAYLOAD, self._credit))
        except OSError:
            data = b""
        if data:
            self._credit -= len(data)
            self._outgoing += wire.encode(wire.IN, _STREAM, data)
        else:
            self._has_input = False
            self._outgoing += wire.encode(wire.EOF, _STREAM)

    def _write(self, fd: int, events: int) -> None:
        waiting = self._waiting[fd]
        if events & (select.POLLERR | select.POLLHUP | select.POLLNVAL) and not (waiting and events & select.POLLOUT):
            _die(signal.SIGPIPE)  # nobody reads any more, and so nobody wants the command
        if waiting and events & select.POLLOUT:
            try:
                written = os.write(fd, waiting[0][:_AT_ONCE])
            except BlockingIOError:
                return
            except OSError:
                _die(signal.SIGPIPE)
            waiting[0] = waiting[0][written:]
            if not waiting[0]:
                del waiting[0]
            self._consumed += written
            if self._consumed >= wire.WINDOW // 4 and not self._is_over:
                self._outgoing += wire.encode_credit(_STREAM, self._consumed)
                self._consumed = 0

    def _forward(self) -> None:
        for number in os.read(self._signals, 64):
            if number in self._asked_to_end:
                _die(number)  # once more, since the guest did nothing about it
            self._asked_to_end.update({number} & {signal.SIGHUP, signal.SIGTERM})
            self._outgoing += wire.encode_message(wire.CONTROL, _STREAM, {"signal": number})

    def _await_ready(self, deadline: float, wait: float) -> None:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        while True:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise Unreachable(f"the guest did not answer within {wait:g} s")
            if any(frame.kind == wire.READY for frame in self._receive()):
                return


def _read(argv: List[str]) -> Tuple[Dict[str, Any], str, float]:
    """The request, the socket, and how long to wait for the guest."""
    request: Dict[str, Any] = {"do": "exec"}
    place = os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "guest.sock")
    wait = _WAIT
    rest = list(argv)
    while rest and rest[0].startswith("--"):
        option = rest.pop(0)
        if option == "--":
            break
        if option == "--pty":
            from aivp_guest.terminal import size

            request["pty"] = {**size(0), "term": os.environ.get("TERM", "")}
            continue
        if not rest:
            raise Unreachable(f"{option} needs a value")
        value = rest.pop(0)
        if option == "--socket":
            place = value
        elif option == "--wait" and value.replace(".", "", 1).isdigit():
            wait = float(value)
        elif option in ("--user", "--cwd"):
            request[option[2:]] = value
        elif option == "--env" and "=" in value:
            name, _, content = value.partition("=")
            request.setdefault("env", {})[name] = content
        else:
            raise Unreachable(f"there is no option {option} {value}")
    if not rest and "pty" not in request:
        raise Unreachable("no command is named")
    request["argv"] = rest
    return request, place, wait


def _fill_standard_streams() -> None:
    """Nothing that is opened later may become the stdin, stdout or stderr that nobody gave."""
    while True:
        fd = os.open(os.devnull, os.O_RDWR)
        if fd > 2:
            os.close(fd)
            return


def _connect(place: str) -> int:
    """Paths of sockets may have 107 bytes: connect from within the folder."""
    import _socket

    folder, name = os.path.split(place)
    before = os.open(".", os.O_RDONLY)
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        os.chdir(folder or ".")
        connection.connect(name)
    except OSError as error:
        raise Unreachable(f"the machine does not run: {place}: {error.strerror}") from None
    finally:
        os.fchdir(before)
        os.close(before)
    fd = connection.detach()
    os.set_blocking(fd, False)
    return int(fd)


def _signals() -> int:
    """A descriptor that says which signals came."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in _FORWARDED:
        signal.signal(number, lambda _number, _frame: None)
    return reading


def _die(number: int) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)
