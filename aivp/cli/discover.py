"""discover: what exists on a host, as configuration for it that changes nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from aivp.cli.settings import Settings, project_options

if TYPE_CHECKING:
    from aivp.model.discovered import Discovery


@click.command()
@click.argument("what", metavar="KIND@HOST")
@click.option("--under", metavar="PATH", help="Where to look; a list of files needs it.")
@click.option("--all", "is_all", is_flag=True, help="Also what nobody would declare: system accounts, dependencies.")
@click.option("--where", metavar="NAME=VALUE", multiple=True, help="What else narrows a list of this kind.")
@click.option("-o", "output", metavar="FILE", help="Where to write it; never over a file.  [default: standard output]")
@project_options
def discover_command(
    settings: Settings, what: str, under: str | None, is_all: bool, where: tuple[str, ...], output: str | None
) -> None:
    """List what exists of KIND on HOST, and write its declaration. Changes nothing anywhere.

    What state knows or the project declares is left out. Include the file, and a plan adopts what is in it.
    """
    from aivp.engine import asking

    kind, at, host = what.partition("@")
    if not at or not kind or not host:
        raise click.UsageError(f"{what} is not KIND@HOST, such as user@web.")
    if wrong := [text for text in where if "=" not in text]:
        raise click.UsageError(f"--where {wrong[0]} is not NAME=VALUE.")
    if output is not None and os.path.lexists(output):
        _refuse_overwriting(output)
    within = dict(text.split("=", 1) for text in where)
    within |= {"under": under} if under is not None else {}
    within |= {"all": "true"} if is_all else {}
    engine = settings.engine()
    with engine.sessions() as sessions:
        found = asking.discover(engine, kind, host, within, sessions)
    _write(settings, found, output)
    _sum_up(settings, found, output)


def _write(settings: Settings, found: Discovery, output: str | None) -> None:
    from aivp.cli.output import write_bytes, write_new
    from aivp.edit.discovered import document, lines

    if settings.is_json:
        from aivp.views.json_lines import line

        data = "".join(
            f"{line('discovered', item)}\n" for item in lines(found.kind, found.host, found.things, found.taken)
        )
        body = data.encode()
    else:
        body = document(found.kind, found.host, found.things, found.taken)
    if output is None:
        write_bytes(body, None)
    elif not write_new(body, output):
        _refuse_overwriting(output)


def _sum_up(settings: Settings, found: Discovery, output: str | None) -> None:
    from aivp.cli.failure import print_diagnostics

    if found.warnings:
        print_diagnostics(found.warnings, settings)
    if settings.is_json:
        return
    known = (
        f"; {found.known} more {'is' if found.known == 1 else 'are'} declared or in state already"
        if found.known
        else ""
    )
    click.echo(f"{len(found.things)} of kind {found.kind.name} found on {found.host}{known}.", err=True)
    if output is not None and found.things:
        click.echo(f"Add {output} to `include:` of aivp.yaml, then plan: everything in it is adopted.", err=True)


def _refuse_overwriting(output: str) -> None:
    from aivp.diagnostics.diagnostic import refusal

    raise refusal(
        "AIVP0911", f"{output} exists, and discover overwrites nothing.", "Name another file, or move it away."
    )
