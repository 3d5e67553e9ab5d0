"""A command in a terminal of its own, and what stands on the screen of a plain one: enough of VT100 for what we write.

A sequence that is not known here fails the test: whoever writes one has to say what it does.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_CSI = re.compile(r"\x1b\[([\d;]*)([A-Za-z])")

PATIENCE = 60.0


class Vt:
    """A screen of `columns`; what scrolls off its top stays in `lines`. Written in chunks, looked at as lines."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.columns, self.rows = columns, rows
        self.lines: list[str] = [""]
        self.row = self.column = 0

    def write(self, text: str) -> None:
        position = 0
        while position < len(text):
            char = text[position]
            position += 1
            if char == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
            elif char == "\r":
                self.column = 0
            elif char == "\x1b":
                match = _CSI.match(text, position - 1)
                assert match, f"not known: {text[position - 1 : position + 10]!r}"
                position = match.end()
                self._control(match[2], match[1])
            else:
                assert char.isprintable(), f"not printable: {char!r}"
                self._put(char)

    def _control(self, letter: str, number: str) -> None:
        if letter == "A":
            top = max(len(self.lines) - self.rows, 0)
            self.row = max(self.row - int(number or 1), top)
        elif letter == "J":
            self.lines[self.row] = self.lines[self.row][: self.column]
            del self.lines[self.row + 1 :]
        else:
            assert letter == "m", f"not known: {letter}"

    def _put(self, char: str) -> None:
        if self.column == self.columns:
            self.write("\r\n")
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[: self.column] + char + line[self.column + 1 :]
        self.column += 1

    @property
    def text(self) -> str:
        """Everything, also what scrolled away."""
        return "\n".join(line.rstrip() for line in self.lines)


class Terminal:
    """A command that runs in one. frames: what it wrote, by writes as far as they came apart, with their times."""

    def __init__(
        self, argv: Sequence[str], folder: Path, environ: Mapping[str, str], columns: int = 80, rows: int = 24
    ) -> None:
        self.pid, self.keyboard = pty.fork()
        if self.pid == 0:  # pragma: no cover
            os.chdir(folder)
            os.execve(argv[0], list(argv), dict(environ))
        self.vt = Vt(columns, rows)
        self.raw = ""
        self.frames: list[tuple[float, str]] = []
        self.left: list[object] = []
        self.resize(columns, rows)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.vt.columns, self.vt.rows = columns, rows

    def modes(self) -> list[object]:
        """How the terminal is set."""
        return termios.tcgetattr(self.keyboard)

    def press(self, keys: bytes) -> None:
        os.write(self.keyboard, keys)

    def until(self, happens: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not happens():
            assert time.monotonic() < end, self.raw
            time.sleep(0.02)

    def shows(self, text: str) -> None:
        """Wait until that stands on the screen."""
        self.until(lambda: text in self.vt.text)

    def end(self) -> int:
        """Its exit code."""
        self.until(lambda: not self.reader.is_alive())
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.left = self.modes()
        os.close(self.keyboard)
        return code

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.keyboard, 65536)
            except OSError:  # nobody is there any more
                return
            if not data:
                return
            text = data.decode(errors="replace")
            self.raw += text
            self.frames.append((time.monotonic(), text))
            self.vt.write(text)
