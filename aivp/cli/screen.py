"""Where what is said during a command goes: straight on, or above lines at the bottom of a terminal that show what is
going on.

These are drawn by a thread of their own, at most ten times a second and only when they change; what is said meanwhile
is gathered. Nothing that a terminal does can stop a run: one that is gone is silence.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import threading

    from aivp.views.ci_log import CiLog
    from aivp.views.region import Region

PAUSE = 0.1
"""Seconds between two looks at what is going on."""

Draw = Callable[[float, int, int], list[str]]
"""(seconds since the begin, columns, lines at most) → what to show."""


class Screen:
    """Of one command; quiet where its standard output is no terminal that can move its cursor.

    ci: how lines look where a CI system keeps them; None where there is none, or a person looks on.
    """

    def __init__(self) -> None:
        self.ci = None if sys.stdout is None or sys.stdout.isatty() else _ci_log()
        self._region: Region | None = None
        self._said: deque[str] = deque()

    def say(self, text: str, *, err: bool = False, color: bool = False) -> None:
        """Print, above the lines that are shown. Raises OSError where none are."""
        if self._region is None or (err and not _is_same_terminal()):
            click.echo(text if self.ci is None else self.ci.safe(text), err=err, color=color)
        else:
            self._said.append(text)

    def at_once(self, text: str) -> None:
        """The same for a signal's handler, on standard error: it takes no lock and waits for nobody."""
        if self._region is not None and _is_same_terminal():
            self._said.append(text)
            return
        with contextlib.suppress(OSError):
            os.write(2, ("\n" * os.isatty(2) + text + "\n").encode())

    @contextlib.contextmanager
    def live(self, draw: Draw, *, after: float, is_wanted: bool = True) -> Iterator[None]:
        """Show what `draw` gives while the block works, once that takes longer than `after` seconds."""
        if not is_wanted or self._region is not None or not is_able():
            yield
            return
        import signal
        import threading

        from aivp.views.region import Region

        region, over = Region(), threading.Event()
        self._region = region
        worker = threading.Thread(target=self._work, args=(region, draw, after, over), daemon=True)
        before = None
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGCONT, lambda *_: region.forget())
        worker.start()
        try:
            yield
        finally:
            over.set()
            worker.join()
            self._region = None
            self._write(region, [])
            if before is not None:
                signal.signal(signal.SIGCONT, before)

    def _work(self, region: Region, draw: Draw, after: float, over: threading.Event) -> None:
        import time

        begun = time.monotonic()
        while not over.wait(PAUSE):
            seconds = time.monotonic() - begun
            columns, rows = _size()
            lines = draw(seconds, columns, rows - 2) if seconds >= after and _is_in_front() else []
            self._write(region, lines)

    def _write(self, region: Region, lines: list[str]) -> None:
        finished = []
        while self._said:
            finished.append(self._said.popleft())
        text = region.frame("\n".join(finished).split("\n") if finished else (), lines, _size()[0])
        if not text:
            return
        from aivp.cli.output import silence

        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:  # the terminal is gone
            silence()


def _ci_log() -> CiLog | None:
    if not {"CI", "GITHUB_ACTIONS", "GITLAB_CI"} & os.environ.keys():
        return None
    from aivp.views.ci_log import ci_log

    return ci_log(os.environ)


def is_able() -> bool:
    """True where standard output is a terminal on which lines can be drawn anew."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")


def _is_same_terminal() -> bool:
    """True where both streams end at one terminal, so that what goes to one would run into the other."""
    try:
        return os.isatty(2) and os.fstat(1).st_rdev == os.fstat(2).st_rdev
    except OSError:
        return False


def _is_in_front() -> bool:
    """False for a job in the background, which must not draw over what somebody types."""
    try:
        return os.tcgetpgrp(1) == os.getpgrp()
    except OSError:
        return True


def _size() -> tuple[int, int]:
    """Columns and lines of the terminal as it is now."""
    try:
        size = os.get_terminal_size(1)
    except OSError:
        return 80, 24
    return size.columns or 80, size.lines or 24
