"""A program of the user's own → what it prints, once, bounded in time and bytes: no shell, no terminal.

It runs as the user would run it, in the project's folder and with the user's environment.
"""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from aivp.diagnostics.diagnostic import refusal

MAX_BYTES = 32 * 1024 * 1024
LAST_WORDS = 4000
_CHUNK = 1 << 16


def output(argv: Sequence[str], folder: Path, timeout: float) -> bytes:
    """Its standard output. Raises Refused (AIVP0627, 0628) with the end of its standard error."""
    shown = f"`{shlex.join(argv)[:200]}`"
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise refusal("AIVP0627", f"{shown} cannot be started: {reason}.") from None
    try:
        said, complaint, problem = _read(child, time.monotonic() + timeout)
    finally:
        _end(child)
    if problem == "time":
        raise refusal("AIVP0628", f"{shown} did not end within {timeout:g} s and was stopped.{_words(complaint)}")
    if problem == "size":
        raise refusal("AIVP0628", f"{shown} printed more than {MAX_BYTES >> 20} MiB and was stopped.")
    if child.returncode != 0:
        code = child.returncode
        how = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
        raise refusal("AIVP0627", f"{shown} {how}.{_words(complaint)}", "Run it by hand in the project's folder.")
    return said


def _read(child: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes, str]:
    """Both streams until both have ended and the program too; what stopped it: time, size or nothing."""
    said, complaint = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(cast(int, child.stdout), selectors.EVENT_READ, said)
        selector.register(cast(int, child.stderr), selectors.EVENT_READ, complaint)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return bytes(said), bytes(complaint), "time"
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                into: bytearray = key.data
                into += chunk
            del complaint[:-LAST_WORDS]
            if len(said) > MAX_BYTES:
                return b"", b"", "size"
    try:
        child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return bytes(said), bytes(complaint), "time"
    return bytes(said), bytes(complaint), ""


def _end(child: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind, also after Ctrl-C."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    for stream in (child.stdout, child.stderr):
        if stream is not None:
            stream.close()


def _words(complaint: bytes) -> str:
    text = complaint.decode(errors="replace").strip()
    return f" It said:\n{text}" if text else ""
