"""Somebody's terminal, or their program's streams, joined with a console. Ctrl-] leaves."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import termios
import tty
from typing import Iterator

LEAVE = b"\x1d"
_CHUNK = 65536


def join(link: socket.socket, keyboard: int = 0, screen: int = 1) -> None:
    """Carry bytes both ways until the console ends, the keyboard does, or Ctrl-] is typed."""
    with _raw(keyboard):
        while True:
            ready, _, _ = select.select([link, keyboard], [], [])
            if link in ready:
                data = link.recv(_CHUNK)
                if not data:
                    return
                _write(screen, data)
            if keyboard in ready:
                data = os.read(keyboard, _CHUNK)
                kept, left, _ = data.partition(LEAVE)
                link.sendall(kept)
                if left or not data:
                    return


@contextlib.contextmanager
def _raw(keyboard: int) -> Iterator[None]:
    if not os.isatty(keyboard):
        yield
        return
    before = termios.tcgetattr(keyboard)
    sys.stderr.write("Ctrl-] leaves.\r\n")
    tty.setraw(keyboard)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
