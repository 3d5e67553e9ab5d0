"""One child process from start to end: given nothing of ours, fed, drained within a bound, stopped in time.

Probes and the shim both run commands this way. It knows neither sessions nor records.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional

GRACE = 5.0
"""Seconds between the request to stop and the kill, once a command has run out of time."""

_CHUNK = 64 * 1024
_TURN = 16
"""Chunks read of one stream before anything else gets its turn."""
_POLL = 0.02


@dataclass(frozen=True)
class Order:
    """What to run. `user`, `group` and `extra_groups` are ids; None: as ourselves. `timeout` in seconds."""

    argv: List[str]
    env: Mapping[str, str]
    stdin: Optional[str] = None
    cwd: str = "/"
    user: Optional[int] = None
    group: Optional[int] = None
    extra_groups: Optional[List[int]] = None
    umask: int = 0o022
    timeout: Optional[float] = None


@dataclass(frozen=True)
class Completed:
    """A process that ended: `code` is its exit status (negative: the signal), the output is bounded text."""

    code: int
    stdout: str
    stderr: str
    truncated: bool = False
    timed_out: bool = False
    """It ran out of time and was stopped; then `code` says how it took that."""

    @property
    def ok(self) -> bool:
        """True for exit status 0, reached in time."""
        return self.code == 0 and not self.timed_out


@dataclass
class Kept:
    """The beginning and the end of an output stream, in bytes."""

    head_size: int
    tail_size: int
    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    is_cut: bool = False

    def add(self, data: bytes) -> None:
        """Take what came next."""
        room = max(self.head_size - len(self.head), 0)
        self.head += data[:room]
        self.tail += data[room:]
        if len(self.tail) > self.tail_size:
            self.is_cut = True
            del self.tail[: len(self.tail) - self.tail_size]

    def text(self, secrets: Iterable[str] = ()) -> str:
        """What was kept, without `secrets`, nor the parts of them that stand at the cut."""
        hidden = sorted({secret.encode() for secret in secrets if secret}, key=len, reverse=True)
        if not self.is_cut:
            return _without(bytes(self.head + self.tail), hidden)
        head, tail = _without_tail_of(bytes(self.head), hidden), _without_head_of(bytes(self.tail), hidden)
        return _without(head, hidden) + ("\n[...]\n" + _without(tail, hidden) if self.tail_size else "")


def spawn(order: Order, announce: Optional[Callable[[], None]] = None) -> subprocess.Popen[bytes]:
    """Start it in a session and process group of its own. Raises OSError or ValueError if it cannot be started.

    announce: called in the new process just before it becomes the command; only for a parent without threads.
    """
    options: Dict[str, Any] = {}
    if order.user is not None:
        options = {"user": order.user, "group": order.group, "extra_groups": order.extra_groups}
    return subprocess.Popen(
        order.argv,
        stdin=subprocess.DEVNULL if order.stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=order.cwd,
        env=order.env,
        umask=order.umask,
        start_new_session=True,
        preexec_fn=announce,
        **options,
    )


def watch(process: subprocess.Popen[bytes], order: Order, stdout: Kept, stderr: Kept) -> bool:
    """Return when it has exited, even if something keeps its output open. True if it had run out of time."""
    limit = _Limit(order.timeout)
    feed = memoryview((order.stdin or "").encode())
    sinks: Dict[Any, Kept] = {process.stdout: stdout, process.stderr: stderr}
    with selectors.DefaultSelector() as selector, _exit_notice(process.pid) as notice:
        _register(process, selector)
        if notice is not None:
            selector.register(notice, selectors.EVENT_READ)
        while process.poll() is None:
            for key, _ in selector.select(_patience(notice, limit.left())):
                if key.fileobj is process.stdin:
                    feed = _feed(process.stdin, feed, selector)
                elif key.fileobj in sinks and not _drain(key.fileobj, sinks[key.fileobj]):
                    selector.unregister(key.fileobj)
            limit.enforce(process.pid)
        for stream, kept in sinks.items():
            _drain(stream, kept)
    if limit.is_over:
        _signal_group(process.pid, signal.SIGKILL)
    for end in (process.stdin, process.stdout, process.stderr):
        if end is not None:
            end.close()
    return limit.is_over


_LONGEST_WAIT = 3600.0


class _Limit:
    """The time that a command has: asked to stop when it is over, killed when that does not help."""

    def __init__(self, seconds: Optional[float]) -> None:
        self.at = None if seconds is None else time.monotonic() + seconds
        self.is_over = False

    def left(self) -> Optional[float]:
        """Seconds to wait at most; beyond some weeks no system takes them."""
        return None if self.at is None else min(max(self.at - time.monotonic(), 0), _LONGEST_WAIT)

    def enforce(self, pid: int) -> None:
        if self.at is None or time.monotonic() < self.at:
            return
        _signal_group(pid, signal.SIGKILL if self.is_over else signal.SIGTERM)
        self.is_over = True
        self.at = time.monotonic() + GRACE


@contextlib.contextmanager
def _exit_notice(pid: int) -> Iterator[Optional[int]]:
    """A descriptor that becomes readable when the process exits, where the kernel has it (Linux 5.3)."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _patience(notice: Optional[int], left: Optional[float]) -> Optional[float]:
    """Seconds to wait in one go, None for ever; without a notice we look now and then."""
    if notice is not None:
        return left
    return _POLL if left is None else min(left, _POLL)


def _register(process: subprocess.Popen[bytes], selector: selectors.BaseSelector) -> None:
    streams = (
        (process.stdin, selectors.EVENT_WRITE),
        (process.stdout, selectors.EVENT_READ),
        (process.stderr, selectors.EVENT_READ),
    )
    for stream, event in streams:
        if stream is not None:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, event)


def _feed(stream: Any, data: memoryview, selector: selectors.BaseSelector) -> memoryview:
    try:
        data = data[os.write(stream.fileno(), data[:_CHUNK]) :] if data else data
    except BlockingIOError:
        return data
    except BrokenPipeError:
        data = data[:0]
    if not data:
        selector.unregister(stream)
        stream.close()
    return data


def _drain(stream: Any, kept: Kept) -> bool:
    """Read what is there, but no more than a turn's worth: a flood must starve neither clock nor the other stream.

    False at the end of the stream. A pipe holds less than a turn, so one call after the exit reads all of it.
    """
    try:
        for _ in range(_TURN):
            data = os.read(stream.fileno(), _CHUNK)
            if not data:
                return False
            kept.add(data)
    except BlockingIOError:
        pass
    return True


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _without(data: bytes, hidden: Iterable[bytes]) -> str:
    """All at once: what was put in is not looked at again."""
    pattern = b"|".join(map(re.escape, hidden))
    return (re.sub(pattern, b"(secret)", data) if pattern else data).decode(errors="replace")


def _without_tail_of(data: bytes, hidden: Iterable[bytes]) -> bytes:
    """`data` without the beginning of a secret at its end."""
    return data[: len(data) - max((_overlap(data, secret) for secret in hidden), default=0)]


def _without_head_of(data: bytes, hidden: Iterable[bytes]) -> bytes:
    """`data` without the end of a secret at its beginning."""
    return data[max((_overlap(secret, data) for secret in hidden), default=0) :]


def _overlap(left: bytes, right: bytes) -> int:
    """How many bytes the longest end of `left` has that is a beginning of `right`."""
    sizes = range(min(len(left), len(right)), 0, -1)
    return next((size for size in sizes if left[-size:] == right[:size]), 0)
