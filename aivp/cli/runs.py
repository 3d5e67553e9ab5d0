"""runs list, show, abandon."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from aivp.cli.output import whoever_listens
from aivp.cli.settings import Settings, project_options
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aivp.engine import Engine
    from aivp.events import Event
    from aivp.hosts.sessions import Sessions
    from aivp.state import RunRecord, State


@click.group()
def runs_command() -> None:
    """Executions of plans."""


@runs_command.command("list")
@project_options
def list_command(settings: Settings) -> None:
    """One line per run, the newest last."""
    engine = settings.engine()
    state = engine.existing_state()
    runs = [] if state is None else state.runs()
    if settings.is_json:
        from aivp.views.json_lines import line

        for item in runs:
            click.echo(line("run", _form(item)))
        return
    if not runs:
        click.echo("No run yet.")
        return
    from aivp.views.run_text import render_runs

    click.echo(render_runs(runs, width=settings.width, color=settings.color))


@runs_command.command("show")
@click.argument("run", required=False)
@click.option("--timeline", "is_timeline", is_flag=True, help="Where its time went, and what waited for what.")
@click.option(
    "--format", "form", type=click.Choice(["text", "html"]), default="text", help="Of the timeline.  [default: text]"
)
@click.option("-o", "output", metavar="PAGE", help="Write the HTML there.  [default: standard output]")
@project_options
def show_command(settings: Settings, run: str | None, is_timeline: bool, form: str, output: str | None) -> None:
    """What became of each step of a run (the newest one if none is named)."""
    if form == "html" and (settings.is_json or not is_timeline):
        raise click.UsageError("--format html is of a --timeline, without --json.")
    if output is not None and form == "text":
        raise click.UsageError("-o takes a page: give --timeline --format html, too.")
    engine = settings.engine()
    state = engine.existing_state()
    runs = [] if state is None else state.runs()
    found = next((item for item in reversed(runs) if run is None or item.run.startswith(run)), None)
    if state is None or found is None:
        raise refusal("AIVP0510", "There is no such run.", "See: aivp runs list")
    if is_timeline:
        from aivp.cli.timeline import show_timeline

        show_timeline(state, found, settings, None if form == "text" else output or "")
        return
    steps = list(state.steps(found.run).values())
    if settings.is_json:
        from aivp.views.json_lines import line

        click.echo(line("run", _form(found)))
        for step in steps:
            names = ("step", "status", "action", "error", "ended")
            click.echo(line("outcome", {name: getattr(step, name) for name in names}))
        return
    from aivp.cli.listening import places_of
    from aivp.views.run_text import render_run

    places = places_of(state.folder, found.run)
    click.echo(render_run(found, steps, places=places, width=settings.width, color=settings.color))


@runs_command.command("abandon")
@click.option("--lost", metavar="HOST", multiple=True, help="This host is gone for good: do not ask it.")
@project_options
def abandon_command(settings: Settings, lost: tuple[str, ...]) -> None:
    """Settle what an interrupted run has begun, start nothing more of it, and close it."""
    from aivp.engine import running
    from aivp.model.oneoff import is_one_off

    engine = settings.engine()
    with contextlib.closing(engine.state()) as state:
        record = state.open_run()
        if record is None:
            if not settings.is_json:
                click.echo("No run is open.")
            return
        with engine.sessions() as sessions:
            if is_one_off(record.plan):
                _settle_one_off(engine, record, state, sessions, settings, lost)
                return
            run = running.settle(engine, record, state, sessions, _teller(settings, engine.now))
            unknown = run.abandon(record.run, lost)
    if settings.is_json:
        return
    click.echo(f"Abandoned {record.run}. The next plan starts from what it left.")
    for host in sorted(set(lost)):
        _say_lost(host, [step.id for step in unknown if step.host == host])


def _settle_one_off(
    engine: Engine, record: RunRecord, state: State, sessions: Sessions, settings: Settings, lost: tuple[str, ...]
) -> None:
    from aivp.cli.exec import teller
    from aivp.engine import running
    from aivp.model.oneoff import read_one_off

    command = read_one_off(record.body)
    if strangers := sorted({*lost} - command.hosts.keys()):
        from aivp.plugins.suggestion import listing

        why = f"This run was not on {listing(strangers)}."
        raise refusal("AIVP0513", why, f"Its hosts are: {listing(command.hosts)}.")
    running.one_off(engine, command, state, sessions, teller(settings)).abandon(record.run, lost)
    if not settings.is_json:
        click.echo(f"Abandoned {record.run}.")


def _teller(settings: Settings, now: Callable[[], str]) -> Callable[[Event], None]:
    """Events as JSON lines; people are told at the end."""
    from aivp.events import Stopwatch
    from aivp.views.json_lines import event_line

    elapsed = Stopwatch()

    def tell(event: Event) -> None:
        if settings.is_json:
            with whoever_listens():
                click.echo(event_line(event, now(), elapsed()))

    return tell


def _say_lost(host: str, steps: Sequence[str]) -> None:
    from aivp.plugins.suggestion import listing

    click.echo(f"{host} was not asked. Whether these steps were done there is unknown: {listing(steps) or 'none'}.")
    click.echo(f"The next plan looks at it again. If its objects are gone with it: aivp state rm --host {host}")


def _form(record: RunRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in ("run", "plan", "status", "started", "ended")}
