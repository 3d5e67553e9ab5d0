"""A switchboard in a thread, a helper that leaves its machine alone, and a port between them that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aivp_guest import files
from aivp_guest.client import Guest
from aivp_guest.switchboard import Switchboard


class Board:
    """A switchboard in a loop of its own, as a supervisor has one."""

    def __init__(self, folder: Path, port: str | socket.socket, personalise: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.switchboard = Switchboard(port, str(self.socket), personalise, self.lines.append)
        self.do(self.switchboard.start())

    @property
    def socket(self) -> Path:
        return self.folder / "guest.sock"

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def call(self, function: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(function)

    def guest(self, seconds: float = 20) -> Guest:
        guest = Guest(self.socket)
        guest.wait(seconds)
        return guest

    def enter(self, *argv: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(self.argv(*argv), capture_output=True, timeout=60, check=False, **options)

    def argv(self, *argv: str) -> list[str]:
        place = self.folder / "enter.py"
        place.write_bytes(files.enter())
        return [sys.executable, "-I", str(place), *argv]

    def close(self) -> None:
        self.do(self.switchboard.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Helper:
    """A helper that connects with a socket `port` which this listens on, as QEMU does between the two."""

    def __init__(self, folder: Path, python: str = sys.executable) -> None:
        self._folder = folder
        self._python = python
        self.path = folder / "inside.sock"
        self.program = folder / "helper"
        self.program.write_bytes(files.helper())
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.path))
        self._listening.listen()
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        argv = [self._python, "-I", "-S", str(self.program), "--port", str(self.path), "--unchanged"]
        argv += ["--state", str(self._folder / "state")]
        self.process = subprocess.Popen(argv)
        return self.process

    def accept(self) -> socket.socket:
        self._listening.settimeout(20)
        return self._listening.accept()[0]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._listening.close()


class Port:
    """What QEMU is between the two: takes connections of both and pumps bytes; `cut` drops those of the helper."""

    def __init__(self, folder: Path, helper: Helper) -> None:
        self.path = folder / "port"
        self._helper = helper
        self._outside = socket.socket(socket.AF_UNIX)
        self._outside.bind(str(self.path))
        self._outside.listen()
        self._ends: list[socket.socket] = []
        self._is_open = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Both sides lose the connection in the middle of whatever it is."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def inject(self, to_helper: bytes = b"", to_host: bytes = b"") -> None:
        """Garbage on the port."""
        self._ends[1].sendall(to_helper)
        self._ends[0].sendall(to_host)

    def close(self) -> None:
        self._is_open = False
        self.cut()
        self._outside.shutdown(socket.SHUT_RDWR)
        self._outside.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while self._is_open:
                outside, _ = self._outside.accept()
                self._ends = [outside, self._helper.accept()]
                pumps = [threading.Thread(target=_pump, args=(self._ends[a], self._ends[1 - a])) for a in (0, 1)]
                for pump in pumps:
                    pump.start()
                for pump in pumps:
                    pump.join()
                for end in self._ends:
                    end.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(64 * 1024):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def connected(folder: Path, python: str = sys.executable) -> Iterator[tuple[Board, Helper, Port]]:
    """All three, ready."""
    helper = Helper(folder, python)
    port = Port(folder, helper)
    board = Board(folder, str(port.path))
    try:
        board.do(board.switchboard.wait(20))
        yield board, helper, port
    finally:
        port.close()
        board.close()
        helper.close()


def until(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether it holds within that time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
