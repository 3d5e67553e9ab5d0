"""A child process that speaks lines, bounded: its messages, its log, its end. It knows no method of the protocol."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
from typing import Any, BinaryIO, Dict, Optional, Sequence, Union, cast

from aivp_contract.canonical import NotCanonical, decode
from aivp_contract.lines import MAX_LINE, BadLine, write_message
from aivp_contract.values import Json
from aivp_sdk.process import PATH

from .answers import Broken

LOG_KEPT = 64 * 1024
"""Bytes of stderr that are kept."""

LOG_SHOWN = 1000
"""Characters of it in an error."""

MOST_TOKENS = 500_000
"""Separators in one line: Python needs twenty times the memory of `[[],[],…` to hold it."""

WAITING = 2
"""Lines that are read ahead."""

ENDING = 5.0
"""Seconds that a provider has to exit once stdin has ended."""


class Gone(Exception):
    """The process is not there, or gives no sign of life; `by_us`: since we gave it up."""

    def __init__(self, message: str, *, by_us: bool = False) -> None:
        super().__init__(message)
        self.by_us = by_us


class Child:
    """Started on creation, in a process group of its own, with next to no environment. Raises Gone if that fails."""

    def __init__(self, argv: Sequence[str], directory: str) -> None:
        self._temporary = tempfile.mkdtemp(prefix="tmp-", dir=directory)
        environment = {"PATH": PATH, "HOME": directory, "TMPDIR": self._temporary, "LC_ALL": "C.UTF-8"}
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                list(argv), cwd="/", env=environment, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
            )
        except (OSError, ValueError) as error:
            self._clear()
            raise Gone(f"{argv[0]} does not start: {getattr(error, 'strerror', None) or error}", by_us=True) from None
        self._lines: queue.Queue[Union[bytes, Exception, None]] = queue.Queue(WAITING)
        self._log = bytearray()
        self._stdin = cast(BinaryIO, self._process.stdin)
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read, self._keep_log)]
        for reader in self._readers:
            reader.start()

    def is_alive(self) -> bool:
        """False once it has exited."""
        return self._process.poll() is None

    def send(self, message: Json) -> None:
        """Hand a message over; whether it was taken shows in the answer."""
        try:
            write_message(self._stdin, message)
        except BadLine as error:
            raise Broken(f"the request for it is {error}") from None
        except (OSError, ValueError):
            pass

    def receive(self, seconds: float) -> Optional[Dict[str, Any]]:
        """The next message, None if there is none in time. Raises Broken or Gone."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(line, Exception):
            raise line
        if line is None:
            raise Gone(self._ending())
        return _message(line)

    def log(self) -> str:
        """The end of what it said on stderr, whole lines only."""
        self._readers[1].join(0.5)
        text = bytes(self._log).decode(errors="replace").strip()
        return text[-LOG_SHOWN:].partition("\n")[2] if len(text) > LOG_SHOWN else text

    def close(self) -> None:
        """Let it end by itself, for a while."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDING)
        self.kill()

    def kill(self) -> None:
        """End it and what it started in its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with contextlib.suppress(OSError):
            self._stdin.close()
        while any(reader.is_alive() for reader in self._readers):
            with contextlib.suppress(queue.Empty):  # a reader that waits for room
                self._lines.get_nowait()
            for reader in self._readers:
                reader.join(0.05)
            if not self._readers[0].is_alive():
                break  # stderr may be held open by somebody whom it left behind
        self._clear()

    def _clear(self) -> None:
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _ending(self) -> str:
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "it closed its stdout"
        return f"it was killed by signal {-code}" if code < 0 else f"it exited with status {code}"

    def _read(self) -> None:
        """Lines into the queue; at most one that is too long is ever held, cut off."""
        stream = cast(BinaryIO, self._process.stdout)
        while True:
            line = stream.readline(MAX_LINE + 1)
            if len(line) > MAX_LINE:
                self._lines.put(Broken(f"a line longer than {MAX_LINE} bytes"))
                return
            self._lines.put(line if line.endswith(b"\n") else None)
            if not line.endswith(b"\n"):
                return

    def _keep_log(self) -> None:
        stream = cast(BinaryIO, self._process.stderr)
        while chunk := os.read(stream.fileno(), 4096):
            self._log += chunk
            del self._log[:-LOG_KEPT]


def _message(line: bytes) -> Dict[str, Any]:
    if line.count(b",") + line.count(b"[") + line.count(b"{") > MOST_TOKENS:
        raise Broken(f"a line of more than {MOST_TOKENS} values")
    try:
        message = decode(line)
    except NotCanonical as error:
        raise Broken(f"a line that is no JSON of the protocol: {error}") from None
    if type(message) is not dict or message.get("jsonrpc") != "2.0":
        raise Broken("a line that is no JSON-RPC 2.0 message")
    return message
