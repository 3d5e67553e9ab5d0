"""Frames ↔ streams: the session with the host, the requests in it, and what is done when it ends.

A session begins with OPEN, in which the host may ask that the machine is made another one, and READY, which says what
it is. Whoever the host is, the last OPEN holds; all that an earlier one had asked for ends.
"""

from __future__ import annotations

import signal
import sys
from functools import partial
from typing import Any, Callable, Dict, List, Optional

from aivp_guest import wire
from aivp_guest.inside.facts import facts
from aivp_guest.inside.leftovers import FOLDER, Leftovers
from aivp_guest.inside.loop import Loop
from aivp_guest.inside.notify import started
from aivp_guest.inside.port import Port
from aivp_guest.inside.power import power
from aivp_guest.inside.process import Failure, command, work
from aivp_guest.inside.stream import Stream
from aivp_guest.wire import Decoder, Frame, Messages

STREAMS = 256
"""Requests at once."""

_HERE = 5.0
_IDLE = 0.2
_ALONE = 3.0
"""Seconds in which networks and servers wait for what the host may want of this machine."""
_ANSWERED = 0.05
"""Seconds in which an answer gets out before the machine ends."""

Request = Dict[str, Any]


class Helper:
    """Answers for this machine, for ever. `may_change`: False leaves the machine itself as it is (for tests)."""

    def __init__(self, loop: Loop, path: Optional[str], leftovers: Leftovers, may_change: bool = True) -> None:
        self._loop = loop
        self._leftovers = leftovers
        self._may_change = may_change
        self._port = Port(loop, path, self._heard, self._changed, self._drained)
        self._session: Optional[int] = None
        self._decoder = Decoder()
        self._messages = Messages()
        self._streams: Dict[int, Stream] = {}
        self._ending: Dict[Stream, None] = {}
        self._here: Optional[Callable[[], None]] = None

    def run(self) -> None:
        """Until the machine ends."""
        self._leftovers.end()
        self._port.open()
        self._loop.later(_ALONE, started)
        while True:
            self._loop.turn()

    def _changed(self, is_listening: bool) -> None:
        self._end_session()
        self._decoder = Decoder()
        if is_listening:
            self._port.send(wire.BEGINNING)
            self._announce()

    def _announce(self) -> None:
        """Say that we are here until somebody opens a session."""
        if self._here is not None:
            self._here()
        self._here = None
        if self._session is None:
            self._port.send(wire.encode_message(wire.HERE, 0, {"version": wire.VERSION}))
            self._here = self._loop.later(_HERE, self._announce)

    def _heard(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            try:
                self._frame(frame)
            except wire.BadMessage as error:
                self._fail(frame.stream, "bad_request", str(error))
            except Exception as error:  # noqa: BLE001 (a request that nobody thought of is none of the others)
                self._fail(frame.stream, "bug", repr(error))

    def _frame(self, frame: Frame) -> None:
        if frame.kind == wire.GAP:
            # A stream may miss bytes: better none than one with a hole.
            if self._session is not None:
                self._end_session()
                self._announce()
        elif frame.kind == wire.OPEN:
            message = self._messages.add(frame)
            if message is not None:
                self._open(message)
        elif self._session is not None:
            stream = self._streams.get(frame.stream)
            if stream is not None:
                self._deliver(frame, stream)
            elif frame.kind == wire.START and frame.stream:
                message = self._messages.add(frame)
                if message is not None:
                    self._start(frame.stream, message)

    def _deliver(self, frame: Frame, stream: Stream) -> None:
        if frame.kind == wire.IN:
            if not stream.take(frame.payload):
                self._fail(frame.stream, "flood", "more input than was granted")
                self._cancel(frame.stream)
        elif frame.kind == wire.EOF:
            stream.finish()
        elif frame.kind == wire.CREDIT:
            stream.grant(wire.credit(frame))
        elif frame.kind == wire.CONTROL:
            message = self._messages.add(frame)
            if message is not None:
                stream.control(message)
        elif frame.kind == wire.CANCEL:
            self._cancel(frame.stream)
            self._port.send(wire.encode_message(wire.END, frame.stream, {"cancelled": True}))

    def _open(self, message: Dict[str, Any]) -> None:
        self._end_session()
        self._session = int(message.get("session", 0))
        wanted = message.get("personalise")
        problems = self._personalise(wanted) if isinstance(wanted, dict) else []
        answer = {**facts(), "session": self._session, "problems": problems, "version": wire.VERSION}
        self._port.send(wire.encode_message(wire.READY, 0, answer))
        started()
        self._loop.later(_IDLE, _load)

    def _personalise(self, wanted: Request) -> List[str]:
        from aivp_guest.inside.personalise import personalise

        return personalise(wanted) if self._may_change else []

    def _end_session(self) -> None:
        self._session = None
        self._messages = Messages()
        for number in list(self._streams):
            self._cancel(number)

    def _cancel(self, number: int) -> None:
        stream = self._streams.pop(number)
        self._ending[stream] = None
        stream.cancel()

    def _start(self, number: int, request: Request) -> None:
        try:
            answer = self._answer(number, request)
        except Failure as error:
            self._fail(number, error.code, str(error))
        except (TypeError, ValueError, KeyError) as error:
            self._fail(number, "bad_request", repr(error))
        except OSError as error:
            self._fail(number, "os", str(error))
        else:
            if answer is not None:
                self._port.send(wire.encode_message(wire.END, number, answer))

    def _answer(self, number: int, request: Request) -> Optional[Dict[str, Any]]:
        """The answer, or None where a stream gives it when it ends. Raises Failure, or what a wrong type raises."""
        if len(self._streams) + len(self._ending) >= STREAMS:
            raise Failure("busy", f"{STREAMS} requests are in hand already")
        operation = request.get("do")
        if operation == "ping":
            return {}
        if operation == "facts":
            return facts()
        if operation == "personalise":
            wanted = dict(request["as"])
            problems = self._personalise(wanted)
            return {**facts(), "problems": problems}
        if operation == "power":
            end = power(str(request["to"]))
            if self._may_change:
                self._loop.later(_ANSWERED, end)
            return {}
        child = command(request) if operation == "exec" else work(_on_files(request))
        stream = Stream(self._loop, number, child, self._send, self._ended)
        self._streams[number] = stream
        self._leftovers.begun(child.pid)
        stream.stall(self._port.is_full)
        return None

    def _ended(self, number: int, result: Dict[str, Any]) -> None:
        stream = self._streams.pop(number, None)
        if stream is not None:
            self._leftovers.ended(stream.pid)
            self._port.send(wire.encode_message(wire.END, number, result))
            return
        for ending in [each for each in self._ending if each.is_over]:
            self._leftovers.ended(ending.pid)
            del self._ending[ending]

    def _fail(self, number: int, code: str, message: str) -> None:
        if number:
            self._messages.drop(number)
            error = {"code": code, "message": message}
            self._port.send(wire.encode_message(wire.END, number, {"error": error}))

    def _send(self, data: bytes) -> None:
        was_full = self._port.is_full
        self._port.send(data)
        if self._port.is_full and not was_full:
            for stream in list(self._streams.values()):
                stream.stall(True)

    def _drained(self) -> None:
        for stream in list(self._streams.values()):
            stream.stall(False)


def _on_files(request: Request) -> Callable[[], None]:
    from aivp_guest.inside.content import pack_out, read, replace, unpack_in

    operation = request.get("do")
    works = {"read": read, "pack": pack_out, "unpack": unpack_in}
    if operation != "write" and operation not in works:
        raise Failure("unknown", f"this helper cannot {operation!r}")
    path = str(request["path"])
    if operation == "write":
        return partial(replace, path, int(request["mode"]), int(request["size"]))
    return partial(works[operation], path)


def _load() -> None:
    """Load what is not needed to be ready, so that nobody waits for it later: a copy of this machine least of all."""
    import aivp_guest.inside.content
    import aivp_guest.inside.personalise  # noqa: F401


def main(argv: Any = None) -> int:
    """`--init`: as process 1; `--compile`: only compile this program.

    For tests: `--port PATH`, `--state FOLDER`; `--unchanged` leaves the machine as it is.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "--compile" in arguments:
        from aivp_guest.inside.compiled import compile_program

        compile_program(sys.argv[0])
        return 0
    path = arguments[arguments.index("--port") + 1] if "--port" in arguments else None
    state = arguments[arguments.index("--state") + 1] if "--state" in arguments else FOLDER
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    if "--init" in arguments:
        from aivp_guest.inside.init import become_init

        become_init()
    Helper(Loop(), path, Leftovers(state), "--unchanged" not in arguments).run()
    return 0
