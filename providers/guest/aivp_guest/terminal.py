"""The terminal of this process, raw while a command in the guest has one of its own, and put back afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import termios
import tty
from typing import Callable, Dict, Iterator


def size(fd: int) -> Dict[str, int]:
    """Rows and columns; 24 and 80 where it is no terminal."""
    try:
        columns, rows = os.get_terminal_size(fd)
    except OSError:
        columns, rows = 80, 24
    return {"rows": rows or 24, "columns": columns or 80}


@contextlib.contextmanager
def raw(fd: int, resized: Callable[[int, int], None]) -> Iterator[None]:
    """Every byte goes through as it is typed; `resized` hears of another size."""
    if not os.isatty(fd):
        yield
        return
    before = termios.tcgetattr(fd)
    signal.signal(signal.SIGWINCH, lambda _number, _frame: resized(size(fd)["rows"], size(fd)["columns"]))
    try:
        tty.setraw(fd, termios.TCSADRAIN)  # what was typed ahead stays
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
