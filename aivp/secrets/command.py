"""A secret's command → its output. No shell, no terminal, no standard input; bounded in time and bytes.

It runs as the user would run it, in the project's directory with the user's environment. Its standard error is thrown
away: a password manager that fails may well print what it holds.
"""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import cast

from aivp.diagnostics.diagnostic import Refused, refusal
from aivp.secrets.text import MAX_BYTES, without_newline

TIMEOUT = 60.0
"""Seconds."""

_TICK = 0.1
"""Seconds between looks at whether the command has ended while something it left behind keeps its output open."""


def run_command(
    name: str, argv: Sequence[str], root: Path, environ: Mapping[str, str], timeout: float = TIMEOUT
) -> bytes:
    """Its standard output, without one trailing newline. Raises Refused (AIVP0807, 0808)."""
    try:
        # A session of its own: whatever asks for a terminal fails at once instead of waiting for a keyboard.
        child = subprocess.Popen(
            argv,
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=root,
            env=environ,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = (error.strerror or "unknown error").lower() if isinstance(error, OSError) else "that is no command"
        raise _failed(name, argv, f"does not start: {reason}") from None
    try:
        data = _output(child, time.monotonic() + timeout)
    finally:
        _end(child)
    if data is None:
        why = f"The command of the secret {name} ran for more than {timeout:g} s and was ended."
        raise refusal("AIVP0808", why, f"{_by_hand(argv)} It gets no terminal and cannot ask for anything.")
    # Too much output comes first: the command was then ended by us.
    if len(data) <= MAX_BYTES + 1 and child.returncode != 0:
        code = child.returncode
        raise _failed(name, argv, f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}")
    return without_newline(data)


def _output(child: subprocess.Popen[bytes], deadline: float) -> bytes | None:
    """What it wrote, cut where it is too much; None where time ran out."""
    stream = cast(FileIO, child.stdout)
    os.set_blocking(stream.fileno(), False)
    data = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while len(data) <= MAX_BYTES + 1:
            has_ended = child.poll() is not None  # asked before the read: whatever it wrote is there by now
            part = stream.read(MAX_BYTES)
            if part == b"" or (part is None and has_ended):
                break
            data += part or b""
            if time.monotonic() >= deadline:
                return None
            if part is None:
                selector.select(_TICK)
        else:
            return bytes(data)
    try:
        child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None
    return bytes(data)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind, also after Ctrl-C. The group is ours as long as its leader has not been waited for."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _failed(name: str, argv: Sequence[str], what: str) -> Refused:
    return refusal("AIVP0807", f"The command of the secret {name} {what}.", _by_hand(argv))


def _by_hand(argv: Sequence[str]) -> str:
    return f"What it says is not shown, since it may hold secrets. Run it by hand in the project: {shlex.join(argv)}"
