"""What a runner asks of the kernel: a trace by strace from outside the host → the calls that change something.

Only calls of the runner's own processes count, from its python3 on: sshd and sudo write logs of their own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lab.errors import LabError

_CHANGING = (
    "creat rename renameat renameat2 unlink unlinkat rmdir mkdir mkdirat mknod mknodat link linkat symlink symlinkat"
    " chmod fchmod fchmodat chown fchown lchown fchownat truncate ftruncate fallocate setxattr lsetxattr fsetxattr"
    " removexattr lremovexattr fremovexattr utime utimes utimensat futimesat mount umount2 pivot_root sethostname"
    " setdomainname settimeofday clock_settime adjtimex swapon swapoff reboot init_module finit_module delete_module"
).split()
_OPENING = ("open", "openat", "openat2")
_BORN = ("clone", "clone3", "fork", "vfork")
_TRACED = ",".join(f"?{name}" for name in (*_CHANGING, *_OPENING, *_BORN, "execve"))
_OPTIONS = ("-f", "-q", "-y", "-s", "400", "--pidns-translation", "-e", f"trace={_TRACED}", "-e", "signal=none")

_LINE = re.compile(r"(\d+)\s+(.*)")
_CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)(.*)")
_CHILD = re.compile(r"/\* (\d+) in strace's PID NS \*/")
_RUNNER = re.compile(r'"[^"]*/python3[^"]*", \["python3", "-I", "-S", "-c"')
_WRITES = re.compile(r"\bO_(WRONLY|RDWR|CREAT|TRUNC)\b")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')
_HANDLE = re.compile(r"(?:\d+|AT_FDCWD)<([^>]*)>")

# Nothing that stays: pipes, devices without memory, what /proc says of a process itself.
_NOWHERE = re.compile(r"/dev/(null|tty|urandom|random)|/proc/(self|\d+)/.*|pipe:.*|socket:.*|anon_inode:.*")
# Journal, lock and cache, and files without a name, which go with the process that opened them (O_TMPFILE).
_OWN = re.compile(r"/var/lib/aivp(/.*)?|/tmp/#\d+")


def missing() -> str | None:
    """Why nothing can be traced here."""
    if shutil.which("strace") is None:
        return "strace is missing (Debian package strace)"
    tried = subprocess.run(
        ["strace", *_OPTIONS, "-o", "/dev/null", "true"], capture_output=True, text=True, check=False
    )
    return None if tried.returncode == 0 else f"strace cannot trace here: {tried.stderr.strip()[:100]}"


def tracing(log: Path) -> list[str]:
    """The command to put before another one."""
    return ["strace", *_OPTIONS, "-o", str(log)]


@contextmanager
def traced(pid: int, log: Path, seconds: float = 10.0) -> Iterator[None]:
    """Within the block a process that runs already is traced, and all that it starts."""
    tracer = subprocess.Popen([*tracing(log), "-p", str(pid)], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + seconds
    try:
        while _tracer(pid) != tracer.pid:
            if tracer.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"strace does not trace {pid}.")
            time.sleep(0.02)
        yield
    finally:
        tracer.terminate()
        tracer.communicate()


def changing(log: Path) -> tuple[set[str], set[str]]:
    """(own, others): the calls that changed something, as `call path`, within the runner's processes.

    `own` are those in the runner's own folder and in files without a name, with what differs by run made equal.
    Raises LabError where no runner was seen: an empty trace proves nothing.
    """
    own, others = set[str](), set[str]()
    for name, paths in _runners_calls(log.read_text(encoding="utf-8", errors="replace").splitlines()):
        for path in paths:
            if _OWN.fullmatch(path):
                own.add(f"{name} {_without_numbers(path)}")
            elif not _NOWHERE.fullmatch(path):
                others.add(f"{name} {path}")
    return own, others


def _runners_calls(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    inside = set[int]()
    for pid, name, arguments, result, tail in _calls(lines):
        if name == "execve" and _RUNNER.match(arguments):
            inside.add(pid)
        if pid not in inside:
            continue
        if name in _BORN:
            child = _CHILD.search(tail)
            inside.add(int(child[1]) if child else result)
        elif name in _CHANGING or (name in _OPENING and _WRITES.search(arguments)):
            yield name, _paths(arguments, tail, name)
    if not inside:
        raise LabError("No runner was seen in the trace.")


def _calls(lines: Sequence[str]) -> list[tuple[int, str, str, int, str]]:
    """(process, call, arguments, result, what follows it) of those that succeeded, in the order in which they began.

    A child may act before the call that made it has returned.
    """
    calls: list[tuple[int, tuple[int, str, str, int, str]]] = []
    begun: dict[int, tuple[int, str]] = {}
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        if found is None:
            continue
        pid, text, start = int(found[1]), found[2], number
        if text.endswith("<unfinished ...>"):
            begun[pid] = (number, text.removesuffix("<unfinished ...>").rstrip())
            continue
        if text.startswith("<... "):
            start, first = begun.pop(pid, (number, ""))
            text = first + text.partition("resumed>")[2]
        call = _CALL.fullmatch(text.strip())
        if call is not None and int(call[3]) >= 0:
            calls.append((start, (pid, call[1], call[2], int(call[3]), call[4])))
    return [call for _, call in sorted(calls)]


def _paths(arguments: str, tail: str, name: str) -> list[str]:
    """What was changed: the paths as they were given, beneath the folder whose handle stands before them."""
    opened = _HANDLE.search(tail) if name in _OPENING else None
    if opened is None and name in _OPENING:
        opened = re.match(r"<([^>]*)>", tail)
    if opened is not None:
        return [opened[1]]
    handle = _HANDLE.search(arguments)
    given = [path[1] for path in _PATH.finditer(arguments)]
    folder = handle[1] if handle else ""
    return [path if path.startswith("/") else f"{folder}/{path}" for path in given] or [folder]


def _without_numbers(path: str) -> str:
    path = re.sub(r"[0-9a-f]{16,}", "*", path)
    return re.sub(r"cpython-\d+", "cpython-*", re.sub(r"(?<=[/._#-])\d+(?=$|[/._-])", "*", path))


def _tracer(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("TracerPid:"))
