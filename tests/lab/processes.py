"""Processes from outside: who owns a host, whether that owner still lives, and waiting for an end.

A process id alone names nobody, since the kernel gives it out again; with the start time, the boot and the
process namespace it does.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Owner:
    """The process whose end makes a host a leftover. `start` is in clock ticks since the boot."""

    pid: int
    start: int
    boot: str
    namespace: str


def owner(pid: int) -> Owner:
    """The owner record of a process that lives now; ProcessLookupError if it does not."""
    start = start_time(pid)
    if start is None:
        raise ProcessLookupError(pid)
    return Owner(pid, start, _boot(), _namespace())


def is_alive(owner: Owner) -> bool:
    """Whether that very process still runs; one of another container cannot be judged and counts as alive."""
    if owner.boot != _boot():
        return False
    if owner.namespace != _namespace():
        return True
    return start_time(owner.pid) == owner.start


def start_time(pid: int) -> int | None:
    """Clock ticks from boot to the start of a process; None where it ended, also where nobody reaped it yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])


def processes_with_argument(argument: str) -> tuple[int, ...]:
    """Ids of the processes that have exactly this argument on their command line."""
    wanted = argument.encode()
    return tuple(pid for pid in pids() if wanted in arguments(pid))


def pids() -> Iterator[int]:
    """Ids of all processes."""
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())


def arguments(pid: int) -> list[bytes]:
    """The command line of a process; empty for one that is gone, and for kernel threads."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def children(pid: int) -> tuple[int, ...]:
    """Ids of the children of a process, over all its threads."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found.extend(int(child) for child in listing.read_text().split())
    return tuple(sorted(found))


def parents(pid: int) -> tuple[int, ...]:
    """A process, its parent, and so on up to init."""
    line = [pid]
    while line[-1] > 1:
        try:
            stat = Path(f"/proc/{line[-1]}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            break
        line.append(int(stat.rpartition(")")[2].split()[1]))
    return tuple(line)


def send(pid: int, number: int) -> None:
    """Send a signal; a process that is gone already is no error."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def ended_within(pid: int, seconds: float) -> bool:
    """Wait for a process, child or not, to end; whether it did."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(descriptor)


def end(pid: int, seconds: float = 5.0) -> None:
    """Kill a process and wait for it."""
    send(pid, signal.SIGKILL)
    ended_within(pid, seconds)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _namespace() -> str:
    return os.readlink("/proc/self/ns/pid")
