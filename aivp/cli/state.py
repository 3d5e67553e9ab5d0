"""state list, show, rm, rebuild; the others are in state_care."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from aivp.cli.settings import Settings, project_options
from aivp.cli.state_care import COMMANDS
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivp.model.object import Object


@click.group()
def state_command() -> None:
    """What is known of the real world."""


@state_command.command("list")
@project_options
def list_command(settings: Settings) -> None:
    """One line per object."""
    from aivp.views.state_text import render_objects

    objects = _objects(settings)
    if settings.is_json:
        from aivp.views.json_lines import line

        for item in objects:
            click.echo(line("object", item.form()))
    elif objects:
        click.echo(render_objects(objects, width=settings.width, color=settings.color))
    else:
        click.echo("Nothing is managed yet.")


@state_command.command("show")
@click.argument("address")
@project_options
def show_command(settings: Settings, address: str) -> None:
    """One object with everything that is recorded of it."""
    from aivp.views.state_text import render_object

    item = _meant(address, {item.address: item for item in _objects(settings)})
    if settings.is_json:
        from aivp.views.json_lines import line

        click.echo(line("object", item.form()))
    else:
        click.echo(render_object(item, width=settings.width, color=settings.color, verbose=settings.is_verbose))


@state_command.command("rm")
@click.argument("addresses", nargs=-1)
@click.option("--host", help="Forget everything on this host, because it is gone for good.")
@project_options
def rm_command(settings: Settings, addresses: tuple[str, ...], host: str | None) -> None:
    """Forget objects without touching the real things."""
    engine = settings.engine()
    with contextlib.closing(engine.state()) as state:
        known = {item.address: item for item in state.objects()}
        chosen = [_meant(text, known).address for text in addresses]
        chosen += [name for name, item in known.items() if host is not None and item.host == host]
        chosen = list(dict.fromkeys(chosen))
        with state.exclusive():
            state.remove(chosen)
    if settings.is_json:
        from aivp.views.json_lines import line

        for address in chosen:
            click.echo(line("forgotten", {"address": address}))
        return
    click.echo(f"Forgot {len(chosen)} object{'s' if len(chosen) != 1 else ''}; the real things are as they were.")


@state_command.command("rebuild")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@project_options
def rebuild_command(settings: Settings, yes: bool) -> None:
    """Make a lost state anew from what the hosts remember; any older copy of it is fenced off."""
    from aivp.engine import asking

    engine = settings.engine()
    if not yes and (settings.is_json or not sys.stdin.isatty()):
        raise refusal("AIVP0901", "Nobody is there to be asked.", "Say -y.")
    if not yes and not click.confirm("Take over from every other copy of this state?"):
        raise refusal("AIVP0904", "Not rebuilt.")
    with engine.sessions() as sessions, contextlib.closing(engine.state()) as state:
        count = asking.rebuild(engine, state, sessions)
    if settings.is_json:
        from aivp.views.json_lines import line

        click.echo(line("rebuilt", {"objects": count}))
        return
    click.echo(
        f"Rebuilt {count} objects. Values last applied are unknown: the next plan compares with the declaration."
    )


for _command in COMMANDS:
    state_command.add_command(_command)


def _objects(settings: Settings) -> list[Object]:
    engine = settings.engine()
    state = engine.existing_state()
    if state is None:
        return []
    with contextlib.closing(state):
        return state.objects()


def _meant(text: str, known: Mapping[str, Object]) -> Object:
    """The object of that address; without its key or host, where that leaves no doubt. Raises Refused."""
    from aivp.plugins.suggestion import did_you_mean, listing

    hits = [text] if text in known else sorted(name for name in known if name.startswith((f"{text}@", f"{text}[")))
    if len(hits) == 1:
        return known[hits[0]]
    if hits:
        raise refusal("AIVP0709", f"State knows {len(hits)} objects {text}.", f"Say which: {listing(hits)}.")
    raise refusal("AIVP0709", f"State knows no {text}.", did_you_mean(text, known) or "See: aivp state list")
