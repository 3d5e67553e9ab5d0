"""An argv → a process whose stdin and stdout are the byte stream to a host; what it says on stderr is kept for people.

Knows bytes only: neither runner nor protocol.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Self, cast

LOG_KEPT = 8 * 1024
"""Bytes of stderr that are kept."""

_CLOSE_SECONDS = 10


class Link:
    """A started channel. `log` grows on a thread of its own, so that a full pipe never stops the other end."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.stdin = cast(BinaryIO, process.stdin)
        self.stdout = cast(BinaryIO, process.stdout)
        self._log = bytearray()
        self._log_reader = threading.Thread(target=self._keep_log, daemon=True)
        self._log_reader.start()

    @classmethod
    def start(cls, argv: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Start `argv` in a session of its own, which Ctrl-C does not reach. Raises OSError, or ValueError for NULs."""
        return cls(
            subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env=dict(environment),
            )
        )

    @property
    def is_over(self) -> bool:
        """True once its process has ended."""
        return self.process.poll() is not None

    @property
    def log(self) -> bytes:
        """The last of what it said on stderr."""
        return bytes(self._log)

    def last_words(self) -> bytes:
        """The same, once it has ended and all is read."""
        self._log_reader.join(1)
        return self.log

    def send(self, data: bytes) -> None:
        """Write and flush. Raises OSError."""
        self.stdin.write(data)
        self.stdin.flush()

    def has_output(self, seconds: float) -> bool:
        """Wait for bytes on stdout, or its end. Only before the first read: what is buffered does not show."""
        return bool(select.select([self.stdout], [], [], seconds)[0])

    def exit_code(self) -> int | None:
        """How it ended by itself, None where it is still there: its streams may close a moment before."""
        try:
            return self.process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            return None

    def leave(self) -> None:
        """Send nothing more: whoever is at the other end leaves then."""
        with contextlib.suppress(OSError):
            self.stdin.close()

    def close(self) -> None:
        """End it in peace."""
        self.leave()
        self._drain(time.monotonic() + _CLOSE_SECONDS)
        try:
            self.process.wait(timeout=_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self.stdout.close()

    def kill(self) -> None:
        """End it at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self.process.kill()  # a channel that changed its user, or is gone already
        self.process.wait()

    def _drain(self, until: float) -> None:
        """Wait for the end of stdout: `process.wait` with a timeout looks only every 50 ms whether it is over."""
        while select.select([self.stdout], [], [], max(until - time.monotonic(), 0))[0]:
            if not os.read(self.stdout.fileno(), 65536):
                return

    def _keep_log(self) -> None:
        stream = cast(BinaryIO, self.process.stderr)
        while chunk := os.read(stream.fileno(), 4096):
            self._log += chunk
            del self._log[:-LOG_KEPT]
