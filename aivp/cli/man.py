"""man: the command line → man pages, one per command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from aivp.cli.settings import plain
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from aivp.views.man import Page


@click.command()
@click.option("-o", "folder", metavar="FOLDER", required=True, help="Where to; it is made where it is missing.")
@plain
def man_command(folder: str) -> None:
    """Write a man page of each command, such as FOLDER/aivp-plan.1.

    With FOLDER man1 below a folder of MANPATH, `man aivp-plan` shows them: ~/.local/share/man/man1 often is one.
    """
    import os

    from aivp import __version__
    from aivp.cli.output import write_bytes
    from aivp.views.man import man_page

    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise refusal("AIVP0902", f"{folder} cannot be made: {error.strerror}.") from None
    written = 0
    for page in pages():
        write_bytes(man_page(page, __version__).encode(), os.path.join(folder, f"{page.title}.1"))
        written += 1
    click.echo(f"{written} man pages are in {folder}.")


def pages() -> Iterator[Page]:
    """A page for aivp itself and for every command and command of a command."""
    from aivp.cli.commands import cli

    yield from _pages(cli, click.Context(cli, info_name="aivp"), ())


def _pages(command: click.Command, ctx: click.Context, above: tuple[str, ...]) -> Iterator[Page]:
    from aivp.views.man import Page

    inner = _inner(command, ctx)
    name = ctx.command_path
    text = command.help or ""
    titles = [f"{name} {item}".replace(" ", "-") for item, _, _ in inner]
    yield Page(
        name,
        command.get_short_help_str(200).rstrip(".") or name,
        command.collect_usage_pieces(ctx),
        text.partition("\f")[0],
        [record for item in command.get_params(ctx) if (record := item.get_help_record(ctx)) is not None],
        [(item, help_) for item, _, help_ in inner],
        [*above, *titles],
    )
    for item, found, _ in inner:
        yield from _pages(found, click.Context(found, info_name=item, parent=ctx), (name.replace(" ", "-"),))


def _inner(command: click.Command, ctx: click.Context) -> list[tuple[str, click.Command, str]]:
    """Name, command and one line of each command below; the list's own line where it has one."""
    from aivp.cli.commands import COMMANDS

    if not isinstance(command, click.Group):
        return []
    found = [(name, command.get_command(ctx, name)) for name in command.list_commands(ctx)]
    lines = {name: line for name, (_, line) in COMMANDS.items()} if ctx.parent is None else {}
    return [
        (name, item, lines.get(name) or item.get_short_help_str(200))
        for name, item in found
        if item and not item.hidden
    ]
