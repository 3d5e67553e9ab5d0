"""One stream ↔ one child: what comes goes to its stdin, what it says goes out as far as the other side granted.

Holds at most a window of input; reads output only where it may be sent on, so that whoever does not listen makes
the child wait, and nobody else. Ends once the child has ended and said all.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import Any, Callable, Dict, List, Optional

from aivp_guest.inside.loop import READ, WRITE, Loop
from aivp_guest.inside.process import Child
from aivp_guest.wire import ERR, OUT, PAYLOAD, WINDOW, encode, encode_credit

_QUIET = 0.5
"""Seconds after a child's end in which something else that holds its output may say more."""

_END_OF_FILE = b"\x04"
_GRACE = (signal.SIGHUP, signal.SIGTERM, signal.SIGKILL)
_PATIENCE = 2.0

Send = Callable[[bytes], None]
Ended = Callable[[int, Dict[str, Any]], None]


class Stream:
    """A child that somebody talks to. `ended` is called once, with what END says."""

    def __init__(self, loop: Loop, number: int, child: Child, send: Send, ended: Ended) -> None:
        self._loop = loop
        self._number = number
        self._child = child
        self._send = send
        self._ended = ended
        self._status: Optional[int] = None
        self._input: List[bytes] = []
        self._waiting = 0
        self._taken = 0
        self._is_input_over = False
        self._credit = WINDOW
        self._is_stalled = False
        self._has_terminal = child.stdin == child.stdout
        self._open = {child.stdout: OUT} if self._has_terminal else {child.stdout: OUT, child.stderr: ERR}
        self._stdin = child.stdin
        self._stop_waiting: Callable[[], None] = lambda: None
        self._is_cancelled = False
        self._pidfd = os.pidfd_open(child.pid)
        loop.watch(self._pidfd, READ, self._exited)
        self._watch()

    @property
    def pid(self) -> int:
        """Of the child, which leads its session."""
        return self._child.pid

    @property
    def is_over(self) -> bool:
        """Whether `ended` was called."""
        return self._number == 0

    def take(self, data: bytes) -> bool:
        """Give it to the child's stdin, now or later; False if that is more than was granted."""
        if self._stdin < 0:
            self._grant(len(data))
            return True
        self._input.append(data)
        self._waiting += len(data)
        if len(self._input) == 1:
            self._feed()
        return self._waiting <= WINDOW

    def finish(self) -> None:
        """No more comes for its stdin. A terminal says so by a key, and once more where a line was begun."""
        if self._has_terminal and self._stdin >= 0 and not self._is_input_over:
            self.take(_END_OF_FILE * 2)
        self._is_input_over = True
        if not self._input:
            self._close_input()

    def grant(self, size: int) -> None:
        """So much more of its output may be sent."""
        self._credit += size
        self._watch()

    def stall(self, is_stalled: bool) -> None:
        """Leave its output where it is, or go on."""
        self._is_stalled = is_stalled
        self._watch()

    def control(self, message: Dict[str, Any]) -> None:
        """A signal for its process group, or another size of its terminal."""
        number = message.get("signal")
        if isinstance(number, int) and 0 < number < signal.NSIG:
            self._child.signal(number)
        rows, columns = message.get("rows"), message.get("columns")
        if (
            self._has_terminal
            and isinstance(rows, int)
            and isinstance(columns, int)
            and self._child.stdout in self._open
        ):
            self._child.resize(rows & 0xFFFF, columns & 0xFFFF)

    def cancel(self, sequence: int = 0) -> None:
        """Nobody wants it any more: end it, with growing force."""
        self._is_cancelled = True
        # First the signal: an end of input alone would look as if all had come.
        if self._status is None and sequence < len(_GRACE):
            self._child.signal(_GRACE[sequence])
            self._loop.later(_PATIENCE, lambda: self.cancel(sequence + 1))
        self._close_input()
        if self._status is not None:
            self._quiet()
        # What it says on its way out is for nobody, but must not be what ends it.
        self._watch()

    def _watch(self) -> None:
        may_read = self._may_read
        for fd in self._open:
            if self._has_terminal:
                events = (READ if may_read else 0) | (WRITE if self._input else 0)
                self._loop.watch(fd, events, self._terminal)
            else:
                self._loop.watch(fd, READ if may_read else 0, partial(self._read, fd))

    @property
    def _may_read(self) -> bool:
        return self._is_cancelled or (self._credit > 0 and not self._is_stalled)

    def _terminal(self, events: int) -> None:
        if events & WRITE and self._input:
            self._feed()
        if events & ~WRITE and self._child.stdout in self._open:
            self._read(self._child.stdout)

    def _read(self, fd: int, _events: int = READ) -> None:
        if not self._may_read:
            return
        try:
            data = os.read(fd, PAYLOAD if self._is_cancelled else min(PAYLOAD, self._credit))
        except BlockingIOError:
            return
        except OSError:  # of a terminal that nobody has any more
            data = b""
        if not data:
            self._drop(fd)
            self._settle()
            return
        if self._is_cancelled:
            return
        self._credit -= len(data)
        if self._credit <= 0:
            self._watch()
        self._wait_for_quiet()
        self._send(encode(self._open[fd], self._number, data))

    def _feed(self) -> None:
        try:
            while self._input:
                data = self._input[0]
                written = os.write(self._stdin, data)
                self._waiting -= written
                self._grant(written)
                if written < len(data):
                    self._input[0] = data[written:]
                else:
                    del self._input[0]
        except BlockingIOError:
            pass
        except OSError:
            # The child does not want it: that is its business, and the sender finds out when it ends.
            self._grant(self._waiting)
            self._close_input()
            return
        if self._is_input_over and not self._input:
            self._close_input()
        elif self._has_terminal:
            self._watch()
        else:
            self._loop.watch(self._stdin, WRITE if self._input else 0, lambda _events: self._feed())

    def _grant(self, size: int) -> None:
        self._taken += size
        if self._taken >= WINDOW // 4:
            self._send(encode_credit(self._number, self._taken))
            self._taken = 0

    def _close_input(self) -> None:
        self._input.clear()
        self._waiting = 0
        if self._stdin < 0:
            return
        if self._has_terminal:
            if self._child.stdout in self._open:
                self._watch()
        else:
            self._loop.watch(self._stdin, 0, self._exited)
            os.close(self._stdin)
        self._stdin = -1

    def _drop(self, fd: int) -> None:
        self._loop.watch(fd, 0, self._exited)
        del self._open[fd]
        os.close(fd)
        if self._has_terminal:
            self._stdin = -1

    def _exited(self, _events: int) -> None:
        if self._status is None:
            if self._is_cancelled:  # its group ends with it; the number is its own until it is reaped
                self._child.signal(signal.SIGTERM)
            self._status = self._child.reap()
            if self._status is not None:
                self._loop.watch(self._pidfd, 0, self._exited)
                os.close(self._pidfd)
                if self._is_cancelled:
                    self._quiet()
                else:
                    self._wait_for_quiet()
                self._settle()

    def _wait_for_quiet(self) -> None:
        if self._status is not None:
            self._stop_waiting()
            self._stop_waiting = self._loop.later(_QUIET, self._quiet)

    def _quiet(self) -> None:
        """Something that the child left behind holds its output and is silent. What waits for leave is not silence."""
        if not self._may_read:
            self._wait_for_quiet()
            return
        for fd in list(self._open):
            self._drop(fd)
        self._settle()

    def _settle(self) -> None:
        if self._status is not None and not self._open and self._number:
            self._close_input()
            self._stop_waiting()
            number, self._number = self._number, 0
            self._ended(number, {"status": self._status})
