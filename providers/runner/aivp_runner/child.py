"""A child process that speaks lines, bounded: its messages, its log, its end. It knows no method of the protocol.

No thread waits for it: whoever asks moves the bytes of all three pipes, so a provider that does not read, or never
stops to write, costs that caller's deadline and at most one line of memory.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import time
from typing import Any, BinaryIO, Dict, Optional, Sequence, cast

from aivp_contract.canonical import NotCanonical, admit, decode, encode_link
from aivp_contract.lines import MAX_LINE, BadLine
from aivp_contract.values import Json
from aivp_sdk.process import PATH

from .faults import Broken
from .scratch import Scratch

LOG_KEPT = 64 * 1024
"""Bytes of stderr that are kept."""

LOG_SHOWN = 1000
"""Characters of it in an error."""

ENDING = 5.0
"""Seconds that a provider has to exit once stdin has ended."""

_CHUNK = 256 * 1024
_LAST_WORDS = 0.5
"""Seconds in which the rest of its log may come, once it has ended."""

_TEXT = re.compile(rb'"[^"]*"')


class Gone(Exception):
    """The process is not there, or gives no sign of life; `by_us`: since we gave it up."""

    def __init__(self, message: str, *, by_us: bool = False) -> None:
        super().__init__(message)
        self.by_us = by_us


class Child:
    """Started on creation, in a process group of its own, with next to no environment. Raises Gone if that fails."""

    def __init__(self, argv: Sequence[str], directory: str) -> None:
        self._scratch = Scratch(directory)
        environment = {"PATH": PATH, "HOME": directory, "TMPDIR": self._scratch.path, "LC_ALL": "C.UTF-8"}
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                list(argv),
                cwd="/",
                env=environment,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                start_new_session=True,
                bufsize=0,
            )
        except (OSError, ValueError) as error:
            self._scratch.remove()
            raise Gone(f"{argv[0]} does not start: {getattr(error, 'strerror', None) or error}", by_us=True) from None
        self._pipes = [
            cast(BinaryIO, pipe) for pipe in (self._process.stdin, self._process.stdout, self._process.stderr)
        ]
        self._stdin, self._stdout, self._stderr = (pipe.fileno() for pipe in self._pipes)
        self._open = {self._stdin, self._stdout, self._stderr}
        for descriptor in self._open:
            os.set_blocking(descriptor, False)
        self._unsent = bytearray()
        self._received = bytearray()
        self._looked_at = 0
        self._log = bytearray()

    def is_alive(self) -> bool:
        """False once it has exited."""
        return self._process.poll() is None

    def send(self, message: Json) -> None:
        """Hand a message over; what does not fit into the pipe goes while an answer is waited for. Raises BadLine."""
        try:
            line = encode_link(message) + b"\n"
        except NotCanonical as error:
            raise BadLine(f"a request without a form on the wire: {error}") from None
        if len(line) > MAX_LINE:
            raise BadLine(f"a request longer than {MAX_LINE} bytes")
        if self._stdin in self._open:
            self._unsent += line
            self._write()

    def receive(self, seconds: float) -> Optional[bytes]:
        """The next line, None if there is none in time. Raises Broken or Gone."""
        until = time.monotonic() + seconds
        while (line := self._line()) is None:
            if self._stdout not in self._open:
                raise Gone(self._ending())
            if not self._move(until - time.monotonic()):
                return None
        return line

    def log(self) -> str:
        """The end of what it said on stderr, whole lines only."""
        text = bytes(self._log).decode(errors="replace").strip()
        return text[-LOG_SHOWN:].partition("\n")[2] if len(text) > LOG_SHOWN else text

    def close(self) -> None:
        """Let it end by itself, for a while; nobody listens any more."""
        until = time.monotonic() + ENDING
        while self._unsent and self._move(until - time.monotonic()):
            self._drop()
        self._shut(self._stdin)
        while self._open and self._move(until - time.monotonic()):
            self._drop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(until - time.monotonic(), 0))
        self.kill()

    def kill(self) -> None:
        """End it and what it started in its group; its last words are read."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._shut(self._stdin)
        self._shut(self._stdout)
        until = time.monotonic() + _LAST_WORDS  # it may be held open by somebody whom it left behind
        while self._open and self._move(until - time.monotonic()):
            pass
        for pipe in self._pipes:
            pipe.close()
        self._scratch.remove()

    def _move(self, seconds: float) -> bool:
        """Move bytes once there are any, to and fro; False if there were none in time."""
        reading = [one for one in (self._stdout, self._stderr) if one in self._open]
        writing = [self._stdin] if self._unsent and self._stdin in self._open else []
        poll = select.poll()
        for one in reading:
            poll.register(one, select.POLLIN)
        for one in writing:
            poll.register(one, select.POLLOUT)
        ready = [one for one, _ in poll.poll(max(seconds, 0) * 1000)]
        if self._stdin in ready:
            self._write()
        if self._stderr in ready:
            self._log += self._read(self._stderr)
            del self._log[:-LOG_KEPT]
        if self._stdout in ready:
            self._received += self._read(self._stdout)
        return bool(ready) and seconds > 0

    def _read(self, descriptor: int) -> bytes:
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return b""
        if not data:
            self._shut(descriptor)
        return data

    def _write(self) -> None:
        try:
            while self._unsent and self._stdin in self._open:
                with memoryview(self._unsent) as unsent:
                    count = os.write(self._stdin, unsent[:_CHUNK])
                del self._unsent[:count]
        except BlockingIOError:
            pass
        except OSError:  # nobody reads any more; why shows in the answer
            self._shut(self._stdin)

    def _shut(self, descriptor: int) -> None:
        self._open.discard(descriptor)
        if descriptor == self._stdin:
            self._unsent.clear()
            with contextlib.suppress(OSError):
                self._pipes[0].close()

    def _drop(self) -> None:
        self._received.clear()
        self._looked_at = 0

    def _line(self) -> Optional[bytes]:
        end = self._received.find(b"\n", self._looked_at)
        if end < 0 and len(self._received) < MAX_LINE:
            self._looked_at = len(self._received)
            return None
        if end < 0 or end >= MAX_LINE:
            self._drop()
            raise Broken(f"a line longer than {MAX_LINE} bytes")
        line = bytes(memoryview(self._received)[: end + 1])
        del self._received[: end + 1]
        self._looked_at = 0
        return line

    def _ending(self) -> str:
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "it closed its stdout"
        return f"it was killed by signal {-code}" if code < 0 else f"it exited with status {code}"


def weight(line: bytes) -> int:
    """Bytes that the values of a line take in memory, about: `[[],[],…` takes twenty times its own length."""
    found = _weight(line)
    if found < _SUSPICIOUS:
        return found
    plain = line.replace(b"\\\\", b"").replace(b'\\"', b"")
    inside = sum(_weight(text[0]) - len(text[0]) for text in _TEXT.finditer(plain))  # weighs no more than it is long
    return _weight(plain) - inside


def _weight(line: bytes) -> int:
    return len(line) + 192 * line.count(b"{") + 64 * line.count(b"[") + 56 * line.count(b",")


_SUSPICIOUS = 16 * 1024 * 1024


def message(line: bytes) -> Dict[str, Any]:
    """A line as a message. Raises Broken."""
    try:
        found = decode(line)
        if b"\\u" in line:
            admit(found)  # only there may be half a character
    except (NotCanonical, RecursionError) as error:
        raise Broken(f"a line that is no JSON of the protocol: {error}") from None
    if type(found) is not dict or found.get("jsonrpc") != "2.0":
        raise Broken("a line that is no JSON-RPC 2.0 message")
    return found
