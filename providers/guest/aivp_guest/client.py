"""Requests to a guest, one after another, over the socket of its machine.

    with Guest(folder / "guest.sock") as guest:
        guest.wait(30)
        guest.run(["uname", "-r"]).stdout
        guest.copy_in("site", "/srv/site")

Content streams through in pieces, so that its size does not matter. For many at once open several.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from aivp_guest.conversation import Conversation, GuestError, Line
from aivp_guest.entries import BadEntry, pack, unpack
from aivp_guest.ready import BadReady, Ready, read_ready

__all__ = ["Finished", "Guest", "GuestError"]

Place = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class Finished:
    """A command that ended: its exit status, 128 and the number for a signal, and what it said."""

    status: int
    stdout: bytes
    stderr: bytes


class Guest:
    """A connection with one guest. Every method raises GuestError where the guest says no, or is not there in time."""

    def __init__(self, path: Place) -> None:
        self._line = Line(_connected(os.fspath(path)))

    def __enter__(self) -> Guest:  # noqa: PYI034 (Self is newer than the hosts)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave; what still runs for this connection is ended in the guest."""
        self._line.close()

    def wait(self, seconds: float) -> Ready:
        """What the guest is, once it is ready."""
        self._line.deadline = time.monotonic() + seconds
        while self._line.ready is None:
            self._line.receive()
        return _ready(self._line.ready)

    def facts(self, seconds: float = 10.0) -> Ready:
        """What the guest is now: addresses change."""
        return _ready(self._ask({"do": "facts"}, seconds))

    def ping(self, seconds: float = 5.0) -> float:
        """Seconds that an answer takes."""
        begun = time.monotonic()
        self._ask({"do": "ping"}, seconds)
        return time.monotonic() - begun

    def run(
        self,
        argv: Sequence[str],
        stdin: bytes = b"",
        seconds: Optional[float] = None,
        user: Optional[str] = None,
        cwd: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Finished:
        """Run a command to its end; one that is still running after `seconds` is ended."""
        request: Dict[str, Any] = {"do": "exec", "argv": list(argv), "user": user, "cwd": cwd, "env": dict(env or {})}
        with self._line.start(request, seconds) as talk:
            talk.write(stdin)
            talk.finish()
            status = talk.status()
            return Finished(status, bytes(talk.out), bytes(talk.err))

    def start(self, argv: Sequence[str], seconds: Optional[float]) -> Conversation:
        """Run a command beside what the caller does meanwhile, as `with guest.start(…) as talk`."""
        return self._line.start({"do": "exec", "argv": list(argv)}, seconds)

    def read_file(self, path: str, limit: int = 16 * 1024 * 1024, seconds: Optional[float] = 60.0) -> bytes:
        """The bytes of a file; one beyond the limit is an error."""
        with self._line.start({"do": "read", "path": path}, seconds) as talk:
            content = talk.read(limit + 1)
            if len(content) > limit:
                raise GuestError("too_large", f"{path} has more than {limit} bytes")
            _done(talk)
            return content

    def write_file(self, path: str, content: bytes, mode: int = 0o644, seconds: Optional[float] = 60.0) -> None:
        """Make or replace a file, never leaving half of it; folders above it are made."""
        with self._line.start({"do": "write", "path": path, "mode": mode, "size": len(content)}, seconds) as talk:
            talk.write(content)
            talk.finish()
            _done(talk)

    def copy_in(self, source: Place, path: str, seconds: Optional[float] = None) -> List[str]:
        """Copy a file, or a folder with all below it, to `path`; the names that are neither file, folder nor link."""
        with self._line.start({"do": "unpack", "path": path}, seconds) as talk:
            pack(os.fspath(source), talk)
            talk.finish()
            _done(talk)
            return [name for name in bytes(talk.out).decode(errors="replace").split("\n") if name]

    def copy_out(
        self, path: str, target: Place, limit: Optional[int] = None, seconds: Optional[float] = None
    ) -> List[str]:
        """The same the other way. Links are copied as they are; owners and setuid bits are not. limit: bytes in all."""
        with self._line.start({"do": "pack", "path": path}, seconds) as talk:
            try:
                left_out = unpack(talk, os.fspath(target), limit, 0o777)
            except BadEntry as error:
                _done(talk)
                raise GuestError("bad_entry", str(error)) from None
            _done(talk)
            return left_out

    def personalise(self, wanted: Mapping[str, Any], seconds: float = 60.0) -> Ready:
        """Make the guest another one; what it is then, with what could not be done."""
        return _ready(self._ask({"do": "personalise", "as": dict(wanted)}, seconds))

    def shutdown(self, seconds: float = 10.0) -> None:
        """Ask it to shut down in order; returns when it begins to."""
        self._power("off", seconds)

    def reboot(self, seconds: float = 10.0) -> None:
        """Ask it to restart in order; returns when it begins to."""
        self._power("reboot", seconds)

    def _power(self, to: str, seconds: float) -> None:
        try:
            self._ask({"do": "power", "to": to}, seconds)
        except GuestError as error:
            if error.code != "lost":  # it may have ended before its answer got here
                raise

    def _ask(self, request: Dict[str, Any], seconds: float) -> Dict[str, Any]:
        with self._line.start(request, seconds) as talk:
            return talk.answer()


def _done(talk: Conversation) -> None:
    """Wait for the end of work on files, whose last word on stderr is why it failed."""
    if talk.status() != 0:
        code, _, message = bytes(talk.err).decode(errors="replace").strip().partition("\t")
        shown = "".join(each if each.isprintable() else "?" for each in message[:1000])
        raise GuestError(code[:100] or "ended", shown or "the guest's work on files was ended")


def _ready(message: Mapping[str, Any]) -> Ready:
    try:
        return read_ready(message)
    except BadReady as error:
        raise GuestError("bad_answer", str(error)) from None


def _connected(path: str) -> socket.socket:
    """Paths of sockets may have 107 bytes: a descriptor of the folder makes any path short."""
    connection = socket.socket(socket.AF_UNIX)
    folder = -1
    try:
        folder = os.open(os.path.dirname(path) or ".", os.O_PATH | os.O_DIRECTORY)
        connection.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
    except OSError as error:
        connection.close()
        raise GuestError("not_running", f"{path}: {error.strerror}") from None
    finally:
        if folder >= 0:
            os.close(folder)
    return connection
