"""The switch of a network of mode user: frames from guest to guest, over datagram sockets in one private folder.

QEMU sends each frame to `hub` by its path (`-netdev dgram`), so a hub that died and came again goes on where the old
one was, and no guest needs to notice. Who cannot enter the folder can neither listen nor send.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import time
from pathlib import Path
from typing import Dict, List

HUB, LOCK, PREFIX = "hub", "hub.lock", "w-"
END = b"end"
_LARGEST = 1 << 17
_LISTING = 1.0
_ALIVE = 20.0
_QUEUE = 4 * 1024 * 1024


def is_running(wires: Path) -> bool:
    """True where a process holds the hub's lock."""
    try:
        descriptor = os.open(wires / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def end(wires: Path, patience: float = 3.0) -> None:
    """Ask the hub to end; kill it where it does not. None is no error."""
    until = time.monotonic() + patience
    while is_running(wires):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
            way.setblocking(False)
            way.sendto(END, str(wires / HUB))
        time.sleep(0.01)
        if time.monotonic() > until:
            with contextlib.suppress(OSError, ValueError):
                os.kill(int((wires / LOCK).read_text(encoding="ascii")), signal.SIGKILL)
            until += patience


def serve(wires: Path, ready: int) -> None:
    """Switch frames until `END` comes or the folder goes; closes `ready` once it listens, at once where one runs."""
    lock = os.open(wires / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    place = wires / HUB
    with contextlib.suppress(FileNotFoundError):
        place.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
        way.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE)
        way.bind(str(place))
        mine = place.stat().st_ino
        os.close(ready)
        way.settimeout(_ALIVE)
        switch = _Switch(way, wires)
        while switch.turn() and _is_there(place, mine):
            pass
    with contextlib.suppress(FileNotFoundError):
        if _is_there(place, mine):
            place.unlink()


class _Switch:
    """Which wire a MAC was last heard on."""

    def __init__(self, way: socket.socket, wires: Path) -> None:
        self._way, self._wires = way, wires
        self._heard: Dict[bytes, str] = {}
        self._all: List[str] = []
        self._listed = 0.0
        self._looked = time.monotonic()

    def turn(self) -> bool:
        """Frames, for as long as they come, at most some seconds; False once the hub is to end."""
        until = time.monotonic() + _ALIVE
        while time.monotonic() < until:
            try:
                frame, source = self._way.recvfrom(_LARGEST)
            except socket.timeout:
                return True
            except InterruptedError:
                continue
            if frame == END:
                return False
            if len(frame) >= 14 and isinstance(source, str) and os.path.basename(source).startswith(PREFIX):
                self._pass(frame, source)
        return True

    def _pass(self, frame: bytes, source: str) -> None:
        to, sender = frame[:6], frame[6:12]
        if not sender[0] & 1 and self._heard.get(sender) != source:
            if len(self._heard) > 4096:  # somebody makes up senders
                self._heard.clear()
            self._heard[sender] = source
        known = self._heard.get(to)
        for wire in [known] if known is not None and not to[0] & 1 else self._wires_but(source):
            if not self._send(frame, wire):
                self._heard = {mac: place for mac, place in self._heard.items() if place != wire}

    def _send(self, frame: bytes, wire: str) -> bool:
        """False where nobody is at that end any more; a full one loses the frame, as a wire does."""
        try:
            self._way.sendto(frame, socket.MSG_DONTWAIT, wire)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            pass
        return True

    def _wires_but(self, source: str) -> List[str]:
        now = time.monotonic()
        if now - self._listed > _LISTING:
            with contextlib.suppress(OSError):
                self._all = [entry.path for entry in os.scandir(self._wires) if entry.name.startswith(PREFIX)]
            self._listed = now
        return [wire for wire in self._all if wire != source]


def _is_there(place: Path, inode: int) -> bool:
    try:
        return place.stat().st_ino == inode
    except OSError:
        return False
