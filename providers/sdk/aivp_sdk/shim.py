"""The shim: a small process that outlives runner and engine, and runs what must have exactly one known outcome.

Forked once per session, before any thread. A request leads to `<folder>/<key>/`: the folder appears whole, with a lock
that the shim holds while the command runs; `outcome` appears whole when `waitpid` has spoken. So whoever comes later
with the same key gets the recorded outcome, waits for a shim that is still at work, or learns that nobody can know.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import gc
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from . import scope
from .child import Completed, Kept, Order, spawn, watch
from .errors import Interrupted, Permanent

OUTPUT_HEAD = 16 * 1024
OUTPUT_TAIL = 48 * 1024
"""Bytes kept of each output stream: its beginning and its end."""

_FRAME = 8
_RESERVE = 4096
"""Bytes set aside before a command starts, so that its exit status can be recorded on a disk that it filled."""
_POLL = 0.05


class Shim:
    """The client's side. One request at a time; the folder is the recorded truth."""

    def __init__(self, folder: Path, link: socket.socket, pid: int) -> None:
        self.folder = folder
        self.link = link
        self.pid = pid

    @classmethod
    def start(cls, folder: Path) -> Shim:
        """Fork the shim. Call before any thread is started; `folder` may be set anew until the first `run`."""
        ours, theirs = socket.socketpair()
        between = os.fork()
        if between == 0:
            try:
                os.setsid()
                if os.fork() == 0:  # twice: it is nobody's child, so nobody's waitpid sees it and it leaves no zombie
                    ours.close()
                    _serve(theirs)
            finally:
                os._exit(0)
        theirs.close()
        with contextlib.suppress(ChildProcessError):  # where SIGCHLD is ignored
            os.waitpid(between, 0)
        hello = _receive(ours)
        if hello is None:
            raise OSError("the shim did not start")
        return cls(folder, ours, hello["pid"])

    def run(self, key: str, order: Order, *, secrets: Sequence[str] = (), capture: bool = True) -> Completed:
        """Run `order` once under `key`, or answer with what is recorded.

        Raises Permanent if it could not be started, Interrupted if nobody can know how it ended, and SystemExit if
        the shim is gone and nothing was started: a session without its shim is over. `secrets` are taken out of the
        output before it is recorded; without `capture` there is none.
        """
        place = self.folder / key
        if not place.exists():
            _appear(self.folder)
            request = {"place": str(place), "order": dataclasses.asdict(order), "secrets": list(secrets)}
            try:
                _send(self.link, {**request, "capture": capture})
                answer = _receive(self.link)
            except OSError:
                answer = None
            if answer is not None and "outcome" in answer:
                return _completed(answer["outcome"])
            if answer is not None and "refused" in answer:
                raise Permanent(answer["refused"])
            if answer is None and not place.exists():
                raise SystemExit("the process that watches over commands died; this one was not started")
        return _recorded(place)

    def close(self) -> None:
        """Let the shim go once it has nothing in hand."""
        self.link.close()


def is_busy(folder: Path) -> bool:
    """True while some effect recorded under `folder` is still running."""
    return any(_is_locked(place / "alive") or _is_running(place) for place in _places(folder))


def wait(folder: Path) -> None:
    """Return when no effect under `folder` is running."""
    for place in _places(folder):
        _await_end(place)


def forget(folder: Path) -> None:
    """Remove the records below `folder`; the run that they belong to is over."""
    shutil.rmtree(folder, ignore_errors=True)


def _places(folder: Path) -> List[Path]:
    return sorted(place for place in folder.iterdir() if place.is_dir()) if folder.is_dir() else []


def _recorded(place: Path) -> Completed:
    _await_end(place)
    try:
        return _completed(json.loads((place / "outcome").read_text()))
    except FileNotFoundError:
        raise Interrupted("the process that watched over this command died; its outcome is unknown") from None


def _completed(outcome: Dict[str, Any]) -> Completed:
    if "not_started" in outcome:
        raise Permanent(outcome["not_started"])
    return Completed(**outcome)


def _await_end(place: Path) -> None:
    """Return when neither its shim nor, should that have died, the command itself is at work any more."""
    try:
        with (place / "alive").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
    except FileNotFoundError:
        return
    while _is_running(place):
        time.sleep(_POLL)


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _is_running(place: Path) -> bool:
    """True for a command that outlived its shim."""
    try:
        pid, _, birth = (place / "process").read_text().partition(" ")
    except FileNotFoundError:
        return False
    return not (place / "outcome").exists() and birth != "" and _birth(int(pid)) == birth


def _birth(pid: int) -> str:
    """What tells this process from a later one with the same id; empty for one that is gone, or without /proc."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    return "" if status[0] in "ZX" else f"{status[19]}@{boot}"


def _send(link: socket.socket, message: Dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    link.sendall(len(data).to_bytes(_FRAME, "big") + data)


def _receive(link: socket.socket) -> Optional[Dict[str, Any]]:
    size = _receive_exactly(link, _FRAME)
    data = _receive_exactly(link, int.from_bytes(size, "big")) if size else b""
    return json.loads(data) if data else None


def _receive_exactly(link: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = link.recv(min(65536, size - len(data)))
        if not chunk:
            return b""
        data += chunk
    return bytes(data)


def _serve(link: socket.socket) -> None:
    """The shim's own life: detached, deaf to signals, holding nothing of the runner open."""
    _detach(link)
    _send(link, {"pid": os.getpid()})
    in_scope = False
    while True:
        request = _receive(link)
        if request is None:
            return
        in_scope = in_scope or scope.leave() or True
        try:
            answer = _execute(Path(request["place"]), request)
        except OSError as error:
            answer = {"refused": f"its outcome could not be recorded, so it was not started: {error}"}
        try:
            _send(link, answer)
        except OSError:
            return


def _detach(link: socket.socket) -> None:
    gc.freeze()  # what we inherited is never collected: it may hold numbers of descriptors that are ours by then
    os.chdir("/")
    os.umask(0o022)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which commands would inherit
    _keep_only(link.fileno())
    try:
        Path("/proc/self/comm").write_text("aivp-shim")
    except OSError:
        return


def _keep_only(kept: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    for name in os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"):
        if int(name) > 2 and int(name) != kept:
            try:
                os.close(int(name))
            except OSError:
                continue


def _execute(place: Path, request: Dict[str, Any]) -> Dict[str, Any]:
    """Run once, record, answer. Raises OSError only if nothing was started."""
    lock = _claim(place)
    if lock is None:
        return {"recorded": True}
    try:
        outcome = _outcome(place, request)
        _record(place, outcome)
        return {"outcome": outcome}
    finally:
        os.close(lock)


def _claim(place: Path) -> Optional[int]:
    """Make `place` appear with its lock already held, and durably, before anything runs. None: it is there already."""
    fresh = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    fresh.mkdir(mode=0o700)
    lock = os.open(fresh / "alive", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (fresh / "reserve").write_bytes(b"\0" * _RESERVE)
        os.rename(fresh, place)
        _sync_folder(place.parent)
    except OSError:
        os.close(lock)
        shutil.rmtree(fresh, ignore_errors=True)
        if place.exists():
            return None
        raise
    return lock


def _outcome(place: Path, request: Dict[str, Any]) -> Dict[str, Any]:
    order = Order(**request["order"])
    try:
        process = spawn(order, lambda: _announce(place))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return {"not_started": f"{order.argv[0]}: {error}"}
    captured = (OUTPUT_HEAD, OUTPUT_TAIL) if request["capture"] else (0, 0)
    stdout, stderr = Kept(*captured), Kept(*captured)
    timed_out = watch(process, order, stdout, stderr)
    return {
        "code": process.returncode,
        "stdout": stdout.text(request["secrets"]),
        "stderr": stderr.text(request["secrets"]),
        "truncated": stdout.is_cut or stderr.is_cut,
        "timed_out": timed_out,
    }


def _announce(place: Path) -> None:
    """The command itself, before it is one, says who it is: there is no moment at which it runs and nobody knows."""
    try:
        (place / "process").write_text(f"{os.getpid()} {_birth(os.getpid())}")
    except OSError:
        pass  # a full disk: then only the shim's death would go unnoticed for as long as the command lives


def _record(place: Path, outcome: Dict[str, Any]) -> None:
    """`outcome` appears whole or not at all, and survives a power cut; without the output where that has no room."""
    short = {**outcome, "stdout": "", "stderr": "", "truncated": True} if "code" in outcome else outcome
    for name, value in (("writing", outcome), ("reserve", short)):
        try:
            _write(place / name, json.dumps(value).encode())
            os.rename(place / name, place / "outcome")
            _sync_folder(place)
            return
        except OSError:
            continue  # if both fail, whoever listens is told, and for others the outcome is unknown


def _write(path: Path, data: bytes) -> None:
    """Write over what is there, so that blocks set aside are used, and cut off the rest."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _appear(folder: Path) -> None:
    """Make `folder`, durably: the records in it are worth as much as the way to them."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for parent in (folder.parent, folder.parent.parent):
            _sync_folder(parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
