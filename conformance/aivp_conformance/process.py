"""One provider process and the bytes to and from it, bounded in time and memory whatever the provider does.

A single loop writes requests and reads stdout and stderr at once, so that neither side can wait for the other
forever. Knows lines, no messages.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

LINE = 4 * 1024 * 1024  # bytes of the longest message, with its newline
KEPT = 64 * 1024  # of stderr, for people
AHEAD = 64  # lines that are read before anyone asks for them


class TooLong(Exception):
    """The provider wrote a line beyond the limit; no more of it is read."""


class Process:
    """The leader of a process group. `hear(stream, bytes)` is told everything that comes from it."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], hear: Callable[[str, bytes], None] | None = None
    ) -> None:
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(
            argv, stdin=pipe, stdout=pipe, stderr=pipe, cwd="/", env=dict(environment), start_new_session=True
        )
        assert self._child.stdin
        assert self._child.stdout
        assert self._child.stderr
        self._files = {"stdin": self._child.stdin, "stdout": self._child.stdout, "stderr": self._child.stderr}
        self._selector = selectors.DefaultSelector()
        for name, file in self._files.items():
            os.set_blocking(file.fileno(), False)
            if name != "stdin":
                self._selector.register(file, selectors.EVENT_READ, name)
        self._hear = hear
        self._to_send = bytearray()
        self._is_ending = False
        self._lines: deque[bytes] = deque()
        self._rest = bytearray()
        self.is_too_long = False
        self.stderr = b""

    @property
    def group(self) -> int:
        return self._child.pid

    def send(self, data: bytes) -> None:
        """Hand over bytes; they are written while lines are awaited."""
        if self._files["stdin"].closed:
            return
        if not self._to_send:
            self._selector.register(self._files["stdin"], selectors.EVENT_WRITE, "stdin")
        self._to_send += data
        self._step(0)

    def close_stdin(self) -> None:
        """Close it once everything is written."""
        self._is_ending = True
        if not self._to_send:
            self._end_stdin()

    def line(self, deadline: float) -> bytes | None:
        """The next line without its newline, None at the end of stdout. Raises TimeoutError and TooLong."""
        while not self._lines:
            if self.is_too_long:
                raise TooLong
            if self._files["stdout"].closed:
                return None
            self._step_until(deadline)
        return self._lines.popleft()

    def flush(self, deadline: float) -> bool:
        """Write what was handed over; False if the provider does not take it in time."""
        while self._to_send:
            try:
                self._step_until(deadline)
            except TimeoutError:
                return False
        return True

    def wait(self, deadline: float) -> int | None:
        """The exit code, None if it goes on. What it still writes is read, and lost but for `hear`."""
        while self._child.poll() is None:
            if time.monotonic() >= deadline:
                return None
            self._lines.clear()
            self._step(min(0.02, max(0.001, deadline - time.monotonic())))
        self._drain()
        return self._child.returncode

    def kill(self) -> int:
        """SIGKILL to the whole group; the exit code of its leader."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        code = self._child.wait()
        self._drain()
        for file in self._files.values():
            with contextlib.suppress(OSError):
                file.close()
        self._selector.close()
        return code

    def _drain(self) -> None:
        """What is in the pipes already; never waits for children that keep them open."""
        for _ in range(1000):
            if not self._selector.get_map() or not self._step(0):
                return

    def _step_until(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._step(min(left, 1.0))

    def _step(self, seconds: float) -> bool:
        """Wait for one event and serve it; False if none came."""
        if not self._selector.get_map():
            time.sleep(min(seconds, 0.005))
            return False
        events = self._selector.select(seconds)
        for key, _ in events:
            if key.data == "stdin":
                self._write()
            else:
                self._read(key.data)
        return bool(events)

    def _write(self) -> None:
        try:
            count = os.write(self._files["stdin"].fileno(), self._to_send[: 1 << 16])
        except BlockingIOError:
            return
        except OSError:  # it closed its end: the answer that does not come will tell
            count = len(self._to_send)
        del self._to_send[:count]
        if not self._to_send:
            self._selector.unregister(self._files["stdin"])
            if self._is_ending:
                self._end_stdin()

    def _end_stdin(self) -> None:
        with contextlib.suppress(OSError):
            self._files["stdin"].close()

    def _read(self, name: str) -> None:
        if name == "stdout" and len(self._lines) >= AHEAD:
            time.sleep(0.001)  # the reader comes first; a pipe that is full holds the provider up, not us
            return
        try:
            data = os.read(self._files[name].fileno(), 1 << 16)
        except BlockingIOError:
            return
        if self._hear is not None:
            self._hear(name, data)
        if not data:
            self._close(name)
        elif name == "stderr":
            self.stderr = (self.stderr + data)[-KEPT:]
        else:
            self._split(data)

    def _split(self, data: bytes) -> None:
        *whole, rest = data.split(b"\n")
        for part in whole:
            self._rest += part
            if len(self._rest) >= LINE:
                break
            self._lines.append(bytes(self._rest))
            self._rest.clear()
        else:
            self._rest += rest
        if len(self._rest) >= LINE:
            self.is_too_long = True
            self._rest.clear()
            self._close("stdout")

    def _close(self, name: str) -> None:
        if name == "stdout" and self._rest:
            self._lines.append(bytes(self._rest))  # a line without its end is for the reader to judge
            self._rest.clear()
        self._selector.unregister(self._files[name])
        self._files[name].close()
