"""What providers say while hosts are looked at → the terminal's stderr, or lines of `--json`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

import click

from aivp.cli.output import whoever_listens
from aivp.cli.screen import is_able
from aivp.cli.settings import Settings

if TYPE_CHECKING:
    from aivp_contract.values import Json

    from aivp.events import Event
    from aivp.hosts.session import Listener
    from aivp.hosts.sessions import Sessions


PATIENCE = 1.0
"""Seconds in which nobody wants to know who is waited for."""


def overhear(sessions: Sessions, settings: Settings, now: Callable[[], str]) -> None:
    """Show it from now on: warnings and errors, with --verbose all of it. Costs nothing while nobody says a word."""
    show = cache(lambda: _shower(settings, now))

    def on(host: str) -> Listener:
        hearing = cache(lambda: _hearing(host))

        def listen(method: str, params: Json) -> None:
            event = hearing()(method, params)
            if event is not None:
                show()(event)

        return listen

    sessions.overhear = on


@contextlib.contextmanager
def attending(sessions: Sessions, settings: Settings) -> Iterator[None]:
    """While the block asks hosts, show on a terminal who has not answered yet, once that takes longer than a second."""
    if settings.is_json or not is_able():
        yield
        return
    from aivp.views.live_text import Asking

    asking = Asking()
    sessions.attend = asking.attend
    with settings.screen.live(asking.lines, after=PATIENCE):
        yield
    sessions.attend = None


def _hearing(host: str) -> Callable[[str, Json], Event | None]:
    from aivp.apply.hearing import Hearing

    return Hearing(host, {}).event


def _shower(settings: Settings, now: Callable[[], str]) -> Callable[[Event], None]:
    from aivp.events import ProviderLogged
    from aivp.views.json_lines import event_line
    from aivp.views.run_text import RunPrinter

    printer = RunPrinter(
        lambda text: settings.screen.say(text, err=True, color=settings.color),
        color=settings.color,
        verbose=settings.is_verbose,
        width=settings.width,
    )

    def show(event: Event) -> None:
        with whoever_listens():
            if settings.is_json:
                click.echo(event_line(event, now()))
            elif settings.is_verbose or (isinstance(event, ProviderLogged) and event.level in ("warning", "error")):
                printer.listen(event)

    return show
