"""init: a project to begin with, which plans and applies as it stands."""

from __future__ import annotations

from dataclasses import replace

import click

from aivp.cli.settings import PLAIN
from aivp.diagnostics.diagnostic import refusal


@click.command()
@click.argument("folder", metavar="[FOLDER]", required=False)
@click.option("--from", "example", metavar="EXAMPLE", help="What to begin with; --list says what there is.")
@click.option("--name", metavar="NAME", help="The project's name.  [default: that of the folder]")
@click.option("--list", "is_list", is_flag=True, help="List the examples.")
@click.pass_context
def init_command(ctx: click.Context, folder: str | None, example: str | None, name: str | None, is_list: bool) -> None:
    """Begin a project: its files, a line in .gitignore, and the schema for editors.

    Nothing is overwritten. Without --from it is a folder and a file on this machine, which any user can plan and apply.
    """
    from aivp.cli.failure import refusals

    place = folder or (ctx.find_root().obj or {}).get("directory") or "."
    with refusals(replace(PLAIN, directory=place)):
        if is_list:
            _list()
        else:
            _begin(place, example, name)


def _list() -> None:
    from aivp.edit.starters import STARTERS

    for item in STARTERS:
        click.echo(f"  {item.name:<18} {item.about}")
    click.echo("\nBegin with one: aivp init FOLDER --from EXAMPLE")


def _begin(place: str, example: str | None, name: str | None) -> None:
    from pathlib import Path

    from aivp.cli.schema import write_schema
    from aivp.edit.begin import begin, ignore, project_name
    from aivp.edit.starters import STARTERS
    from aivp.plugins.suggestion import did_you_mean
    from aivp.views.escape import line

    known = {item.name: item for item in STARTERS}
    wanted = STARTERS[0].name if example is None else example.lstrip("0123456789-")
    if wanted not in known:
        mend = did_you_mean(wanted, known) or f"There are: {', '.join(known)}."
        raise refusal("AIVP0960", f"There is no example {line(example or '', 60)}.", mend)
    folder = Path(place)
    paths = begin(known[wanted], folder, name or project_name(folder))
    is_new = ignore(folder)
    schema = write_schema(place)
    for path in [*(str(folder / path) for path in [*paths, *([".gitignore"] if is_new else [])]), schema]:
        click.echo(f"  {line(path)}")
    click.echo(f"\nA project with {known[wanted].about}. Next:\n")
    steps = known[wanted].steps if place == "." else (f"cd {line(place)}", *known[wanted].steps)
    click.echo("".join(f"  {step}\n" for step in steps), nl=False)
