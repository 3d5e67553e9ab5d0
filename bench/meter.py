"""Runs one command and writes down what it took, with all that it started: `meter.py OUT LIMIT INTERVAL LINGER ARGV…`.

A program of its own, and small: the kernel counts the memory of the process that forks into the peak of the child.
It adopts what its command leaves behind (a runner, a shim), so that nothing escapes the sum of CPU seconds.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import threading
import time

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER in linux/prctl.h
PAGE = os.sysconf("SC_PAGE_SIZE")


def main(out: str, limit: float, interval: float, linger: float, argv: list[str]) -> None:
    """Measure `argv`, which is ended after `limit` seconds; memory is looked at every `interval` seconds.

    linger: seconds that a process may outlive its command before it is ended.
    """
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end_all())
    ended = threading.Event()
    peak = [0]
    is_stopped = [False]
    began = time.monotonic()

    def watch() -> None:
        while not ended.wait(interval):
            peak[0] = max(peak[0], sum(resident(pid) for pid in below(os.getpid())))
            if time.monotonic() - began > limit:
                is_stopped[0] = True
                end_all()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    began = time.monotonic()
    child = os.posix_spawn(argv[0], argv, os.environ)
    _, status = os.waitpid(child, 0)
    wall = time.monotonic() - began
    ended.set()
    watcher.join()
    reap(time.monotonic() + linger)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    largest = usage.ru_maxrss * 1024
    found = {
        "code": os.waitstatus_to_exitcode(status),
        "is_stopped": is_stopped[0],
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": max(peak[0], largest),
        "largest": largest,
    }
    with open(out, "w") as file:
        json.dump(found, file)


def below(pid: int) -> list[int]:
    """Every living descendant of a process."""
    found: list[int] = []
    for child in children(pid):
        found += [child, *below(child)]
    return found


def children(pid: int) -> list[int]:
    """The direct children, whichever thread started them."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found += [int(word) for word in file.read().split()]
    except OSError:
        pass  # gone in the meantime
    return found


def resident(pid: int) -> int:
    """Bytes of a process in memory; pages that processes share count in each of them."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE
    except OSError:
        return 0


def end_all() -> None:
    """Kill every descendant."""
    for pid in below(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


def reap(until: float) -> None:
    """Wait for what the command left behind, kill it where it lingers."""
    try:
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                if time.monotonic() > until:
                    end_all()
                time.sleep(0.005)
    except ChildProcessError:
        pass


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), sys.argv[5:])
