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
@click.option("--new", "is_new", is_flag=True, help="Make this project's key.")
@click.option("--import", "imported", metavar="FILE", help="Bring in a key that was made elsewhere.")
@click.option("--show-id", "is_shown", is_flag=True, help="Say which key is there.  [default]")
@project_options
def key_command(settings: Settings, is_new: bool, imported: str | None, is_shown: bool) -> None:
    """Make this project's key, or bring one in; an existing key is never overwritten."""
    if is_new + is_shown + (imported is not None) > 1:
        raise click.UsageError("--new, --import and --show-id exclude each other.")
    from pathlib import Path

    from aivp.config.load import project_name
    from aivp.secrets import keys

    folder = keys.folder(os.environ)
    if folder is None:
        raise refusal("AIVP0907", "There is no home directory to keep the key in.", "Set HOME or XDG_CONFIG_HOME.")
    project = project_name(Path(settings.directory))  # one key for all its environments, so none need be chosen
    if is_new:
        found, done = keys.create(folder, project), "Made a key for"
    elif imported is not None:
        found = keys.import_key(folder, project, read_bytes(imported, 65536))
        done = "Brought in the key of"
    elif (key := keys.load(folder, project)) is not None:
        found, done = key.id, "The key of"
    else:
        raise keys.missing(project)
    if settings.is_json:
        from aivp.views.json_lines import line

        click.echo(line("key", {"project": project, "id": found, "file": f"{folder / project}.json"}))
        return
    click.echo(f"{done} {project}: {found}")
    if is_new:
        click.echo(f"Back it up: {folder / project}.json")
