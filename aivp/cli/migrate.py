"""migrate: a project of an older version of the language, brought to the one that this aivp reads."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from aivp.cli.settings import PLAIN, has_color

if TYPE_CHECKING:
    from aivp.cli.settings import Settings
    from aivp.edit.migrate.project import Migration


@click.command()
@click.option("-C", "directory", metavar="DIR", help="The project's folder.  [default: .]")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--no-color", is_flag=True, help="Plain text.")
@click.pass_context
def migrate_command(ctx: click.Context, directory: str | None, yes: bool, no_color: bool) -> None:
    """Bring a project's files to the version of the language that this aivp reads: shows what changes, asks, writes.

    Comments, quotes and layout stay. CUE packages are named, for you to look at.
    """
    from aivp.cli.failure import refusals

    folder = directory or (ctx.find_root().obj or {}).get("directory") or "."
    settings = replace(PLAIN, directory=folder, color=not no_color and has_color())
    with refusals(settings):
        _migrate(settings, yes)


def _migrate(settings: Settings, yes: bool) -> None:
    from pathlib import Path

    from aivp.cli.asking import ask
    from aivp.edit.migrate.project import plan_migration
    from aivp.edit.rewrite import rewrite

    found = plan_migration(Path(settings.directory))
    if not found.steps:
        click.echo(f"The project is of {found.version}, the version that this aivp reads: nothing to do.")
        return
    _show(found, settings)
    count = f"{len(found.files)} file{'' if len(found.files) == 1 else 's'}"
    ask(settings, yes, f"Write {count}?")
    for item in found.files:
        rewrite(os.path.join(settings.directory, item.path), item.before, item.after)
    click.echo(f"{count} written, from {found.version} to {found.steps[-1].to}. Next: aivp validate")


def _show(found: Migration, settings: Settings) -> None:
    from aivp.views.escape import line
    from aivp.views.file_diff_text import file_diff

    for step in found.steps:
        click.echo(f"To {step.to}:")
        for text in step.about:
            click.echo(f"  {text}")
    for item in found.files:
        for text in file_diff(item.path, item.before, item.after, color=settings.color):
            click.echo(text, color=settings.color)
    for path in found.others:
        click.echo(f"{line(path)} is CUE: look at it yourself.")
