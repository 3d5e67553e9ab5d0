"""The guest's end of the port ↔ bytes: finds it, opens it again whenever it went, notices whether a host listens.

While nobody listens the kernel says so at every look, so then the port is watched for changes only. Knows no frames.
"""

from __future__ import annotations

import os
import select
import socket
import stat
from collections import deque
from typing import Callable, Deque, Optional

from aivp_guest.inside.loop import CHANGE, READ, WRITE, Loop
from aivp_guest.wire import PORT

QUEUE = 256 * 1024
"""Bytes that wait to be written before streams are asked to wait."""

_SYSFS = "/sys/class/virtio-ports"
_AT_ONCE = 256 * 1024
_AGAIN = 0.2
_LISTENING = 0.5


class Port:
    """Calls `heard` with bytes, `changed` with whether a host listens, `drained` once little waits to be written."""

    def __init__(
        self,
        loop: Loop,
        path: Optional[str],
        heard: Callable[[bytes], None],
        changed: Callable[[bool], None],
        drained: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._path = path
        self._heard = heard
        self._changed = changed
        self._drained = drained
        self._fd = -1
        self._socket: Optional[socket.socket] = None
        self._is_connected = False
        self._queue: Deque[bytes] = deque()
        self._size = 0
        self._was_full = False
        self._stop_looking: Callable[[], None] = lambda: None

    @property
    def is_full(self) -> bool:
        """Whether streams should wait with what they have; `drained` is called later."""
        return self._size > QUEUE

    def open(self) -> None:
        """Open the port now, or as soon as it is there."""
        try:
            self._fd = self._opened()
        except OSError:
            self._loop.later(_AGAIN, self.open)
            return
        self._look()

    def send(self, data: bytes) -> None:
        """Write it, at once or when there is room; nowhere if nobody listens."""
        if self._is_connected:
            self._queue.append(data)
            self._size += len(data)
            self._was_full = self._was_full or self.is_full
            if len(self._queue) == 1:
                self._write()

    def _opened(self) -> int:
        path = self._path or _found()
        if stat.S_ISSOCK(os.stat(path).st_mode):
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(path)
            except OSError:
                connection.close()
                raise
            self._socket = connection
            connection.setblocking(False)
            return connection.fileno()
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        if os.isatty(fd):
            import tty

            tty.setraw(fd)
        return fd

    def _look(self, _events: int = 0) -> None:
        """See whether somebody listens now; look again at any change, and now and then."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN | select.POLLOUT)
        events = dict(poll.poll(0)).get(self._fd, 0)
        self._stop_looking()
        if events & (select.POLLERR | select.POLLNVAL) or (self._socket and events & select.POLLHUP):
            self._close()
        elif events & select.POLLHUP:
            self._loop.watch(self._fd, CHANGE, self._look)
            self._stop_looking = self._loop.later(_LISTENING, self._look)
        else:
            self._is_connected = True
            self._watch()
            self._changed(True)

    def _watch(self) -> None:
        self._loop.watch(self._fd, READ | WRITE if self._queue else READ, self._ready)

    def _ready(self, events: int) -> None:
        if events & select.EPOLLIN:
            self._read()
        elif events & (select.EPOLLHUP | select.EPOLLERR):
            self._lost()
        if self._is_connected and events & select.EPOLLOUT:
            self._write()

    def _read(self) -> None:
        parts = []
        size = 0
        is_over = False
        while size < _AT_ONCE:
            try:
                part = os.read(self._fd, 64 * 1024)
            except BlockingIOError:
                break
            except OSError:
                part = b""
            if not part:
                is_over = True
                break
            parts.append(part)
            size += len(part)
        if parts:
            self._heard(b"".join(parts))
        if is_over and self._is_connected:
            self._lost()

    def _write(self) -> None:
        try:
            while self._queue:
                data = self._queue[0]
                written = os.write(self._fd, data)
                self._size -= written
                if written < len(data):
                    self._queue[0] = data[written:]
                else:
                    self._queue.popleft()
        except BlockingIOError:
            pass
        except OSError:
            # Whoever sends is in the middle of something: it learns of it when that is done.
            self._is_connected = False
            self._loop.watch(self._fd, 0, self._ready)
            self._loop.later(0, self._lost)
            return
        self._watch()
        if self._was_full and self._size <= QUEUE // 2:
            self._was_full = False
            self._drained()

    def _lost(self) -> None:
        """Nobody listens any more: what waits to be written is for nobody."""
        self._is_connected = False
        self._queue.clear()
        self._size = 0
        self._was_full = False
        self._changed(False)
        if self._socket is not None:
            self._close()
        else:
            self._look()

    def _close(self) -> None:
        self._loop.watch(self._fd, 0, self._look)
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        else:
            os.close(self._fd)
        self._fd = -1
        self._loop.later(_AGAIN, self.open)


def _found() -> str:
    for entry in sorted(os.listdir(_SYSFS)):
        with open(os.path.join(_SYSFS, entry, "name"), encoding="utf-8") as name:
            if name.read().strip() == PORT:
                return "/dev/" + entry
    raise FileNotFoundError(PORT)
