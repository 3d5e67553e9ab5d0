"""The shim: a small process that outlives runner and engine, and runs what must have exactly one known outcome.

Forked once per session, before any thread. A request leads to `<folder>/<key>/`: the folder appears whole, with a lock
that the shim holds while the command runs; `outcome` appears whole when `waitpid` has spoken. So whoever comes later
with the same key gets the recorded outcome, waits for a shim that is still at work, or learns that nobody can know.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

from . import records, scope
from .child import Completed, Kept, Order, spawn, watch
from .errors import Interrupted, Permanent

OUTPUT_HEAD = 16 * 1024
OUTPUT_TAIL = 48 * 1024
"""Bytes kept of each output stream: its beginning and its end."""

_FRAME = 8


class Shim:
    """The client's side. One request at a time; the folder is the recorded truth."""

    def __init__(self, folder: Path, link: socket.socket, pid: int) -> None:
        self.folder = folder
        self.link = link
        self.pid = pid
        self._asking = threading.Lock()

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
            records.appear(self.folder)
            request = {"place": str(place), "order": dataclasses.asdict(order), "secrets": list(secrets)}
            try:
                with self._asking:
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


def _recorded(place: Path) -> Completed:
    records.await_end(place)
    try:
        return _completed(json.loads((place / "outcome").read_text()))
    except FileNotFoundError:
        raise Interrupted("the process that watched over this command died; its outcome is unknown") from None


def _completed(outcome: Dict[str, Any]) -> Completed:
    if "not_started" in outcome:
        raise Permanent(outcome["not_started"])
    return Completed(**outcome)


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
    lock = records.claim(place)
    if lock is None:
        return {"recorded": True}
    try:
        outcome = _outcome(place, request)
        records.record(place, outcome)
        return {"outcome": outcome}
    finally:
        os.close(lock)


def _outcome(place: Path, request: Dict[str, Any]) -> Dict[str, Any]:
    order = Order(**request["order"])
    try:
        process = spawn(order, lambda: records.announce(place))
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
