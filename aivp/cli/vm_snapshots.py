"""vm snapshot, snapshots, restore, delete-snapshot, prune."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aivp.cli.asking import ask
from aivp.cli.settings import Settings, project_options
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivp_contract.values import Json

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"

SECONDS = 900.0
"""Until a snapshot of a large memory is given up."""

_vm = click.argument("vm", metavar="VM")
_snapshot = click.argument("snapshot", metavar="SNAPSHOT")
_yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@click.command("snapshot")
@_vm
@_snapshot
@click.option("--memory", is_flag=True, help="With its memory, so that it goes on where it was.")
@project_options
def snapshot_command(settings: Settings, vm: str, snapshot: str, memory: bool) -> None:
    """Keep the disks of a VM as they are, under a name."""
    _do(settings, vm, "snapshot", _named(snapshot), *(["--memory"] if memory else []), said=f"kept as {snapshot}")


@click.command("snapshots")
@_vm
@project_options
def snapshots_command(settings: Settings, vm: str) -> None:
    """The snapshots of a VM."""
    from aivp.cli.vm import opened

    with opened(settings) as (found, _):
        meant = found.one(vm)
        answer = found.ask(meant, "snapshots")
    listed = answer.get("snapshots")
    kept = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    if settings.is_json:
        from aivp.views.json_lines import line

        for item in kept:
            click.echo(line("vm-snapshot", {"address": meant.address, **_form(item)}))
        return
    from aivp.views.vms_text import render_snapshots

    text = render_snapshots([_form(item) for item in kept], width=settings.width, color=settings.color)
    click.echo(text, color=settings.color)


@click.command("restore")
@_vm
@_snapshot
@_yes
@project_options
def restore_command(settings: Settings, vm: str, snapshot: str, yes: bool) -> None:
    """Bring a VM back to a snapshot. What it wrote since is lost."""
    ask(settings, yes, f"Bring {vm} back to {snapshot}, and lose what it wrote since?")
    _do(settings, vm, "restore", _named(snapshot), said=f"is as it was at {snapshot}")


@click.command("delete-snapshot")
@_vm
@_snapshot
@_yes
@project_options
def delete_snapshot_command(settings: Settings, vm: str, snapshot: str, yes: bool) -> None:
    """Let go of a snapshot."""
    ask(settings, yes, f"Delete the snapshot {snapshot} of {vm}?")
    _do(settings, vm, "delete-snapshot", _named(snapshot), said=f"{snapshot} is deleted")


def _do(settings: Settings, vm: str, verb: str, *words: str, said: str) -> None:
    from aivp.cli.vm import opened

    with opened(settings) as (found, _):
        meant = found.one(vm)
        answer = found.ask(meant, verb, *words, seconds=SECONDS)
    if settings.is_json:
        from aivp.views.json_lines import line

        click.echo(line("vm", meant.with_seen(answer).form()))
    else:
        from aivp.views import escape

        click.echo(escape.line(f"{meant.title}: {said}"))
        for note in _notes(answer):
            click.echo(escape.line(f"  {note}"))


def _notes(answer: Mapping[str, Json]) -> list[str]:
    """What a person should know of how it was done."""
    is_torn = answer.get("is_consistent") is False
    notes = ["Its file systems were not held still: they are as after a power cut."] if is_torn else []
    warning = answer.get("warning")
    return [*notes, warning] if isinstance(warning, str) else notes


def _named(snapshot: str) -> str:
    import re

    if re.fullmatch(NAME, snapshot) is None:
        why = f"{snapshot[:80]!r} cannot name a snapshot."
        raise refusal("AIVP0985", why, "A name has letters, digits, _ . and -, begins with a letter or digit.")
    return snapshot


def _form(item: Mapping[str, Json]) -> dict[str, Json]:
    """A snapshot as it is listed; what its host says of it is not trusted to be of any type."""
    size, made = item.get("size"), item.get("made")
    return {
        "name": str(item.get("name"))[:64],
        "has_memory": item.get("memory") is True,
        "size": size if type(size) is int else None,
        "made": made if type(made) is str else None,
    }


COMMANDS = (snapshot_command, snapshots_command, restore_command, delete_snapshot_command)
