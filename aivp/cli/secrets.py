"""secrets key: the key that generated secrets are derived from."""

from __future__ import annotations

import os
from pathlib import Path

import click

from aivp.cli.output import read_bytes
from aivp.cli.settings import Settings, project_options
from aivp.diagnostics.diagnostic import refusal


@click.group()
def secrets_command() -> None:
    """The key of generated secrets. It never stands in the repository or in state."""


@secrets_command.command("key")
@click.option("--new", "is_new", is_flag=True, help="Make this project's key.")
@click.option("--import", "imported", metavar="FILE", help="Bring in a key that was made elsewhere.")
@click.option("--show-id", "is_shown", is_flag=True, help="Say which key is there.  [default]")
@project_options
def key_command(settings: Settings, is_new: bool, imported: str | None, is_shown: bool) -> None:
    """Make this project's key, or bring one in; an existing key is never overwritten."""
    if is_new + is_shown + (imported is not None) > 1:
        raise click.UsageError("--new, --import and --show-id exclude each other.")
    from aivp.secrets import keys

    folder = keys.folder(os.environ)
    if folder is None:
        raise refusal("AIVP0907", "There is no home directory to keep the key in.", "Set HOME or XDG_CONFIG_HOME.")
    project = settings.engine().project.name
    if is_new:
        click.echo(f"Made a key for {project}: {keys.create(folder, project)}\nBack it up: {folder / project}.json")
    elif imported is not None:
        click.echo(f"Brought in the key of {project}: {keys.import_key(folder, project, read_bytes(imported, 65536))}")
    else:
        _show(folder, project)


def _show(folder: Path, project: str) -> None:
    from aivp.secrets import keys

    found = keys.load(folder, project)
    if found is None:
        raise keys.missing(project)
    click.echo(f"The key of {project}: {found.id}")
