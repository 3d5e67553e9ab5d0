"""Descriptors and times → calls, in one thread. Never wakes for nothing.

Beside what `selectors` has: watching a port without a host for a change only, which else counts as ready all the time.
"""

from __future__ import annotations

import errno
import heapq
import itertools
import select
import time
from typing import Callable, Dict, List, Optional, Tuple

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
CHANGE = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET

Ready = Callable[[int], None]
Timer = List[Optional[Callable[[], None]]]


class Loop:
    """Calls back with the events of a descriptor, and after a time."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: Dict[int, Tuple[int, Ready]] = {}
        self._timers: List[Tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def watch(self, fd: int, events: int, ready: Ready) -> None:
        """Call `ready` at these events from now on, hang-ups included; 0: at none."""
        known = self._watched.pop(fd, None)
        if known is not None and events:
            self._epoll.modify(fd, events)
        elif known is not None:
            self._epoll.unregister(fd)
        elif events:
            self._epoll.register(fd, events)
        if events:
            self._watched[fd] = (events, ready)

    def later(self, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call once after so long; what is returned prevents it."""
        timer: Timer = [call]
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), timer))
        return timer.clear

    def turn(self) -> None:
        """Wait until something is ready, and call what waits for it."""
        self._due()
        wait = -1.0 if not self._timers else max(0.0, self._timers[0][0] - time.monotonic())
        try:
            happened = self._epoll.poll(wait)
        except OSError as error:
            if error.errno != errno.EINTR:
                raise
            return
        for fd, events in happened:
            # An earlier call of this turn may have ended this one.
            if fd in self._watched:
                self._watched[fd][1](events)
        self._due()

    def _due(self) -> None:
        while self._timers and (not self._timers[0][2] or self._timers[0][0] <= time.monotonic()):
            for call in heapq.heappop(self._timers)[2]:
                if call is not None:
                    call()
