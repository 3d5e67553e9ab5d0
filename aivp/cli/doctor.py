"""doctor: what each declared kind needs on each host, what is missing there, and the command that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aivp.cli.overhearing import attending
from aivp.cli.settings import Settings, project_options

if TYPE_CHECKING:
    from aivp.engine import Engine
    from aivp.model.finding import Examined
    from aivp.model.resource import Host


@click.command()
@click.argument("hosts", metavar="[HOSTS]...", nargs=-1)
@click.option("--kind", "kinds", metavar="KIND", multiple=True, help="Also ask about a kind that nothing declares yet.")
@project_options
def doctor_command(settings: Settings, hosts: tuple[str, ...], kinds: tuple[str, ...]) -> None:
    """See what each declared kind needs on each host, and on this machine, and say what is missing and what mends it.

    HOSTS: names, groups or LABEL=VALUE; else every host, and this machine. Changes nothing. Exit code 1 where anything
    is missing.
    """
    from aivp.engine.controller import examine_controller

    engine = settings.engine()
    found = [] if hosts else [examine_controller(engine)]
    if hosts or not any(item.need == "the project" and item.remark is not None for item in found[0].findings):
        with engine.sessions() as sessions, attending(sessions, settings):
            from aivp.engine.examining import examine

            seen = examine(engine, _selected(engine, hosts), _known(engine, kinds), sessions)
        found += seen
    _show(found, settings)
    if not all(item.is_fit for item in found):
        raise click.exceptions.Exit(1)


def _selected(engine: Engine, hosts: tuple[str, ...]) -> list[Host]:
    """Those that are meant; without any the controller, too, where kinds are served on it, and of guests those in which
    something is declared.
    """
    if not hosts:
        from aivp.model.resource import GUEST

        used = {item.host for item in engine.ir.resources.values()}
        return [host for name, host in sorted(engine.ir.hosts.items()) if name in used or host.transport != GUEST]
    from aivp.hosts.selection import select

    return select(",".join(hosts), engine.ir.hosts, engine.compiled.groups)


def _known(engine: Engine, kinds: tuple[str, ...]) -> list[str]:
    from aivp.diagnostics.diagnostic import refusal
    from aivp.plugins.suggestion import did_you_mean, listing

    known = engine.registry.kinds
    for name in kinds:
        if name not in known:
            mend = did_you_mean(name, known) or f"Known kinds: {listing(known, 30)}."
            raise refusal("AIVP0906", f"There is no kind {name}.", mend)
    return sorted(set(kinds))


def _show(found: list[Examined], settings: Settings) -> None:
    if settings.sarif is not None:
        settings.told.extend(remark for item in found for remark in item.remarks)
    if settings.is_json:
        from aivp.views.json_lines import line

        for item in found:
            click.echo(line("host-examined", item.form()))
        return
    from aivp.views.doctor_text import render_examined

    text = render_examined(found, width=settings.width, color=settings.color, verbose=settings.is_verbose)
    click.echo(text, color=settings.color)
