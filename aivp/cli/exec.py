"""exec: a command that belongs to no declaration, once on each of some hosts."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from aivp.cli.output import whoever_listens
from aivp.cli.overhearing import attending
from aivp.cli.settings import Settings, project_options

if TYPE_CHECKING:
    from aivp.model.oneoff import Answer

EXIT_CODES = {"done": 0, "failed": 5, "interrupted": 5}

_DURATION = re.compile(r"([1-9][0-9]{0,6})(s|m|h)?")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@click.command()
@click.argument("hosts", metavar="HOSTS")
@click.argument("argv", metavar="-- ARGV...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--timeout", metavar="TIME", help="Stop the command after this time, such as 30s or 5m.  [default: none]")
@project_options
def exec_command(settings: Settings, hosts: str, argv: tuple[str, ...], timeout: str | None) -> None:
    """Run ARGV once on HOSTS: names, groups or LABEL=VALUE, with commas between them, or all.

    No shell comes near it. It runs under the host's lock, outlives a link that breaks, and is a run that
    `aivp runs` shows; what it writes (64 KiB of each stream) is shown here and kept nowhere. Exit code 5 where it
    failed on any host.
    """
    from aivp.cli.failure import print_diagnostics
    from aivp.engine import asking, running
    from aivp.hosts.selection import select
    from aivp.model.oneoff import OneOff
    from aivp.state.records import refuse_open

    seconds = None if timeout is None else _seconds(timeout)
    engine = settings.engine()
    chosen = asking.reachable(engine, select(hosts, engine.ir.hosts, engine.compiled.groups))
    command = OneOff(engine.ir.project, engine.ir.environment, argv, {host.name: host for host in chosen}, seconds)
    with contextlib.closing(engine.state()) as state, engine.sessions() as sessions:
        refuse_open(state.open_run())
        run = running.one_off(engine, command, state, sessions, teller(settings))
        if run.warnings:
            print_diagnostics(run.warnings, settings)
        with attending(sessions, settings):
            status = run.start()
    raise click.exceptions.Exit(EXIT_CODES[status])


def teller(settings: Settings) -> Callable[[str, Answer], None]:
    """Shows answers as they come: (run, answer)."""
    from aivp.views.json_lines import line
    from aivp.views.oneoff_text import render_answer

    def tell(run: str, answer: Answer) -> None:
        with whoever_listens():
            if settings.is_json:
                click.echo(line("answer", {"run": run, **answer.form()}))
            else:
                text = render_answer(answer, width=settings.width, color=settings.color)
                settings.screen.say(text, color=settings.color)

    return tell


def _seconds(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise click.UsageError(f"--timeout {text} is no time, such as 30s or 5m.")
    return int(match[1]) * _UNITS[match[2] or ""]
