"""Who hears a run: the terminal or `--json`, and the run's own log, each with the places that a source map knows.

Beside the log lies the source map: what goes on with the run, or shows it, points at the same lines.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

import click

from aivp.cli.output import whoever_listens
from aivp.cli.tracing import close, tracing
from aivp.diagnostics import Refused
from aivp.events import Event, Places, RunEnded, RunStarted, Stopwatch, read_places

if TYPE_CHECKING:
    from pathlib import Path

    from aivp.cli.settings import Settings
    from aivp.engine import Engine
    from aivp.hosts.sessions import Sessions
    from aivp.views.ci_log import CiLog

PATIENCE = 0.3
"""Seconds of a run that nobody needs to see in the making."""

LARGEST = 256 * 1024 * 1024
"""Bytes of a source map; a larger one is passed over."""


@contextlib.contextmanager
def listening(
    settings: Settings,
    place: Path,
    engine: Engine,
    source_map: bytes,
    sessions: Sessions,
) -> Iterator[Callable[[Event], None]]:
    """Events go to the terminal, or as JSON lines to standard output, and as the same lines into the run's own log.

    place: the folder of the state. What the run is refused for gets its places, too.
    """
    from aivp.views.json_lines import event_line
    from aivp.views.live_text import Running
    from aivp.views.style import Style

    elapsed, turn = Stopwatch(), threading.Lock()
    places = read_places(source_map)
    log = _Log(place / "runs", source_map)
    picture = Running(Style(settings.color))
    traced = tracing(settings, engine.project.name, engine.project.environment)
    sessions.attend = picture.asking.attend
    tell = _teller(settings, engine, elapsed)

    def listen(event: Event) -> None:
        with turn:  # hosts are driven side by side
            if isinstance(event, RunStarted):
                elapsed.restart()
            placed = places.event(event)
            line = event_line(placed, engine.now(), elapsed())
            log.write(placed, line)
            picture.listen(placed, elapsed.tick())
            if traced is not None:
                traced.listen(placed, elapsed())
            with whoever_listens():
                tell(placed, line)

    def draw(seconds: float, columns: int, most: int) -> list[str]:
        with turn:
            return picture.lines(seconds, elapsed.tick(), columns, most)

    try:
        with settings.screen.live(draw, after=PATIENCE, is_wanted=not settings.is_json):
            yield listen
    except Refused as refused:
        raise Refused([places.diagnostic(item) for item in refused.diagnostics], refused.exit_code) from None
    finally:
        log.close()
        close(traced, settings)


def _teller(settings: Settings, engine: Engine, elapsed: Stopwatch) -> Callable[[Event, str], object]:
    """Says an event, of which a line of JSON is at hand, on standard output."""
    if settings.is_json:
        return lambda _, line: click.echo(line)
    from aivp.views.run_text import RunPrinter

    ci = settings.screen.ci
    printer = RunPrinter(
        lambda text: settings.screen.say(text if ci is None else ci.stamped(text, engine.now()), color=settings.color),
        color=settings.color,
        verbose=settings.is_verbose,
        width=settings.width,
        is_log=ci is not None,
        commands=settings.commands,
        seconds=elapsed,
    )

    def tell(event: Event, _: str) -> None:
        if ci is not None and (line := _fold(ci, event)):
            click.echo(line)
        printer.listen(event)

    return tell


def map_beside(plan: str | Path) -> bytes:
    """The source map that was written with a plan or a run; empty where none can be read."""
    try:
        with open(f"{plan}.map", "rb") as file:
            body = file.read(LARGEST + 1)
    except OSError:
        return b""
    return body if len(body) <= LARGEST else b""


def places_of(place: Path, run: str) -> Places:
    """Those of a run that was, for its view."""
    return read_places(map_beside(place / "runs" / run))


def _fold(ci: CiLog, event: Event) -> str:
    """The line around a run that lets a CI system fold it; what it came to is outside."""
    now = int(time.time())
    if isinstance(event, RunStarted):
        return ci.begin("aivp apply", now)
    return ci.end(now) if isinstance(event, RunEnded) else ""


@dataclass
class _Log:
    """`runs/<run>.jsonl` beside the state: the lines of `--json`. A log that cannot be written stops nothing."""

    folder: Path
    source_map: bytes
    file: TextIO | None = field(default=None, init=False)

    def write(self, event: Event, text: str) -> None:
        try:
            if isinstance(event, RunStarted):
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.file = (self.folder / f"{event.run}.jsonl").open("a")
                if not event.is_resumed:
                    (self.folder / f"{event.run}.map").write_bytes(self.source_map)
            if self.file is not None:
                self.file.write(text + "\n")
                self.file.flush()
        except OSError:
            self.file = None

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
