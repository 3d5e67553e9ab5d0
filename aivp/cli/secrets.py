"""secrets key: the key that generated secrets are derived from."""

from __future__ import annotations

import os

import click

from aivp.cli.output import read_bytes
from aivp.cli.settings import Settings, project_options
from aivp.diagnostics.diagnostic import refusal


@click.group()
def secrets_command() -> None:
    """The key of generated secrets. It never stands in the repository or in state."""


@secrets_command.command("key")
@click.option("--import", "imported", metavar="FILE", help="Bring in a key that was made elsewhere.")
@project_options
def key_command(settings: Settings, imported: str | None) -> None:
    """Make this project's key, or bring one in; an existing key is never overwritten."""
    from aivp.secrets import keys

    folder = keys.folder(os.environ)
    if folder is None:
        raise refusal("AIVP0907", "There is no home directory to keep the key in.", "Set HOME or XDG_CONFIG_HOME.")
    project = settings.engine().project.name
    standing = keys.load(folder, project) if imported is None else None
    if standing is not None:
        click.echo(f"The key of {project} is there already: {standing.id}")
    elif imported is not None:
        click.echo(f"Brought in the key of {project}: {keys.import_key(folder, project, read_bytes(imported, 65536))}")
    else:
        click.echo(f"Made a key for {project}: {keys.create(folder, project)}\nBack it up: {folder / project}.json")
