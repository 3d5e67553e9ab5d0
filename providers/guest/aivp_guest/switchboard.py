"""One port of a guest ↔ many clients on a unix socket, within the supervisor's own asyncio loop.

Opens the session with the guest, again whenever either end of the port began anew; gives each stream of a client a
number of its own there; ends in the guest what a client leaves behind. Holds no more of anything than was granted, and
believes no guest.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from typing import Any, Callable, Dict, Mapping, Optional, Set, Union

from aivp_guest import wire
from aivp_guest.link import Link
from aivp_guest.ready import BadReady, Ready, read_ready
from aivp_guest.routes import Caller, Client, Lost, Route
from aivp_guest.wire import Frame, Messages

Message = Dict[str, Any]

_RETRY = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_SEED = 64
_PAUSE = 0.05


class Switchboard:
    """What a supervisor has of its guest's port.

    port: the path of the socket that QEMU offers, or a connected socket; listen: the path of guest.sock, made 0600;
    personalise: what the guest is made before it counts as ready; log: takes lines; changed: called when `ready` did.
    """

    def __init__(
        self,
        port: Union[str, socket.socket],
        listen: Optional[str] = None,
        personalise: Optional[Mapping[str, Any]] = None,
        log: Callable[[str], None] = lambda _line: None,
        changed: Callable[[Optional[Ready]], None] = lambda _ready: None,
    ) -> None:
        self._port = port
        self._listen = listen
        self._personalise = personalise
        self._log = log
        self._changed = changed
        self._link: Optional[Link] = None
        self._server: Optional[asyncio.AbstractServer] = None
        self._keeping: Optional[asyncio.Task[None]] = None
        self._is_ready: asyncio.Event
        self._ready: Optional[Ready] = None
        self._session = 0
        self._has_announced = False
        self._opening: Optional[asyncio.TimerHandle] = None
        self._messages = Messages()
        self._routes: Dict[int, Route] = {}
        self._numbers = 0
        self._clients: Set[Client] = set()

    @property
    def ready(self) -> Optional[Ready]:
        """What the guest said when its session began; None while it has none."""
        return self._ready

    async def start(self) -> None:
        """Listen for clients, and connect with the port as soon as it is there. Raises OSError for `listen`."""
        self._is_ready = asyncio.Event()  # here, since Python 3.9 binds it to the loop
        if self._listen is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._listen)
            before = os.umask(0o177)
            try:
                self._server = await asyncio.get_running_loop().create_unix_server(self._client, self._listen)
            finally:
                os.umask(before)
        self._keeping = asyncio.get_running_loop().create_task(self._keep())

    async def close(self) -> None:
        """Leave port and clients."""
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
        if self._server is not None and self._listen is not None:
            self._server.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._listen)
        if self._link is not None:
            self._link.transport.abort()
        for client in list(self._clients):
            client.transport.abort()

    async def wait(self, seconds: float) -> Ready:
        """What the guest is, once it is ready. Raises asyncio.TimeoutError."""

        async def ready() -> Ready:
            while self._ready is None:
                await self._is_ready.wait()
            return self._ready

        return await asyncio.wait_for(ready(), seconds)

    async def ask(self, request: Mapping[str, Any], seconds: float) -> Message:
        """The answer to a request without streams. Raises Lost, asyncio.TimeoutError."""
        caller = Caller(asyncio.get_running_loop().create_future())
        if self._ready is None:
            raise Lost("not_ready", "the guest does not answer")
        number = self._route(caller, 0)
        self._send(wire.encode_message(wire.START, number, dict(request)))
        try:
            return await asyncio.wait_for(caller.answer, seconds)
        except asyncio.TimeoutError:
            self.leave(caller)
            raise

    def open(self, personalise: Optional[Mapping[str, Any]] = None) -> None:
        """Begin a new session now, as another machine if that is said: after memory was restored, for one."""
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if personalise is not None:
            self._personalise = personalise
        self._reset("a new session begins")
        self._session = secrets.randbits(31) or 1
        message: Message = {"version": wire.VERSION, "session": self._session}
        if self._personalise is not None:
            message["personalise"] = {
                **self._personalise,
                "clock": time.time(),
                "seed": secrets.token_hex(_SEED),
            }
        self._has_announced = False
        self._send(wire.BEGINNING + wire.encode_message(wire.OPEN, 0, message))

    def closed(self) -> None:
        """The guest closed its port (QMP says so: VSERPORT_CHANGE, or RESET): it is not ready until it speaks again."""
        self._reset("the guest closed its port")
        self._has_announced = True

    # --- the port ---

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            link = Link(self._hear, self._press)
            try:
                if isinstance(self._port, str):
                    await loop.create_unix_connection(lambda link=link: link, self._port)  # type: ignore[misc]
                else:
                    await loop.create_connection(lambda link=link: link, sock=self._port)  # type: ignore[misc]
            except OSError:
                await asyncio.sleep(_RETRY[min(failures, len(_RETRY) - 1)])
                failures += 1
                continue
            failures = 0
            self._link = link
            self._log("guest: the port is connected")
            self.open()
            await link.ended
            self._link = None
            self._reset("the port is closed")
            if not isinstance(self._port, str):
                return
            await asyncio.sleep(_RETRY[0])

    def _send(self, data: bytes) -> None:
        if self._link is not None:
            self._link.transport.write(data)

    def _hear(self, frame: Frame) -> None:
        """A frame of the guest."""
        try:
            self._frame(frame)
        except wire.BadMessage as error:
            self._log(f"guest: {error}")
            if frame.stream in self._routes:
                self._end(frame.stream, {"error": {"code": "bad_answer", "message": str(error)}})

    def _frame(self, frame: Frame) -> None:
        if frame.kind == wire.GAP:
            if self._ready is not None:
                self._log("guest: bytes came that are no frame")
                self._open_again()
        elif frame.kind == wire.HERE:
            # The first may have crossed with what opens this session, unless there is one: then its helper has gone.
            if self._ready is not None or self._has_announced:
                self._open_again()
            self._has_announced = True
        elif frame.kind == wire.READY:
            message = self._messages.add(frame)
            if message is not None and message.get("session") == self._session:
                self._became_ready(message)
        elif frame.stream in self._routes:
            self._deliver(frame, self._routes[frame.stream])

    def _open_again(self) -> None:
        """As the guest wants it, but not as often as it likes."""
        self._reset("its session ended")
        if self._opening is None:
            self._opening = asyncio.get_running_loop().call_later(_PAUSE, self._reopen)

    def _reopen(self) -> None:
        self._opening = None
        if self._link is not None:
            self.open()

    def _deliver(self, frame: Frame, route: Route) -> None:
        if frame.kind == wire.END:
            message = self._messages.add(frame)
            if message is not None:
                self._end(frame.stream, message)
        elif frame.kind in (wire.OUT, wire.ERR):
            route.window -= len(frame.payload)
            if route.window < 0:
                self._log("guest: it sends more than was granted")
                self._send(wire.encode(wire.CANCEL, frame.stream))
                self._end(frame.stream, {"error": {"code": "flood", "message": "the guest sent more than was granted"}})
            else:
                route.owner.take(route, frame)
        elif frame.kind == wire.CREDIT:
            route.owner.take(route, frame)

    def _became_ready(self, message: Message) -> None:
        try:
            self._ready = read_ready(message)
        except BadReady as error:
            self._log(f"guest: what it says of itself is not of the protocol: {error}")
            return
        for problem in self._ready.problems:
            self._log(f"guest: {problem}")
        self._log(f"guest: ready, boot {self._ready.boot_id}")
        self._is_ready.set()
        for client in self._clients:
            client.greet(self._ready)
        self._changed(self._ready)

    def _reset(self, reason: str) -> None:
        """The session is over, and all streams with it."""
        was_ready = self._ready is not None
        self._ready = None
        self._is_ready.clear()
        self._messages = Messages()
        for number in list(self._routes):
            self._end(number, {"error": {"code": "lost", "message": reason}})
        if was_ready:
            self._log(f"guest: not ready: {reason}")
            self._changed(None)

    def _end(self, number: int, message: Message) -> None:
        route = self._routes.pop(number)
        self._messages.drop(number)
        route.owner.end(route, message)

    # --- clients ---

    def _client(self) -> Client:
        return Client(self)

    def join(self, client: Client) -> None:
        """Somebody connected."""
        self._clients.add(client)
        if self._ready is not None:
            client.greet(self._ready)
        if self._link is not None and self._link.is_full:
            client.transport.pause_reading()

    def leave(self, owner: Union[Client, Caller]) -> None:
        """Somebody went away: nobody wants any more what he had asked for."""
        if isinstance(owner, Client):
            self._clients.discard(owner)
        for number in [number for number, route in self._routes.items() if route.owner is owner]:
            del self._routes[number]
            self._messages.drop(number)
            self._send(wire.encode(wire.CANCEL, number))

    def begin(self, client: Client, stream: int) -> Optional[int]:
        """A number for a client's new stream; None while no guest is ready."""
        return None if self._ready is None else self._route(client, stream)

    def forward(self, frame: Frame) -> None:
        """A frame of a client, under the guest's number."""
        if frame.kind == wire.CREDIT and frame.stream in self._routes:
            self._routes[frame.stream].window += wire.credit(frame)
        self._send(wire.encode(*frame))

    def _press(self, is_full: bool) -> None:
        """The port takes no more for now, or again."""
        for client in self._clients:
            with contextlib.suppress(RuntimeError):
                (client.transport.pause_reading if is_full else client.transport.resume_reading)()

    def _route(self, owner: Union[Client, Caller], stream: int) -> int:
        self._numbers = self._numbers % 0xFFFFFFFF + 1
        self._routes[self._numbers] = Route(owner, stream)
        return self._numbers
