"""state mv, backup, restore, check, move: what keeps a state usable over years and machines."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from aivp.cli.settings import Settings, project_options
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivp_contract.values import Json

    from aivp.model.place import Place
    from aivp.state import State

_YES = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@click.command("mv")
@click.argument("old")
@click.argument("new")
@project_options
def mv_command(settings: Settings, old: str, new: str) -> None:
    """Give an object another address; its host follows at the next apply."""
    from aivp.state.rename import rename

    with _opened(settings) as state:
        rename(state, old, new)
    _say(settings, "renamed", {"from": old, "to": new}, f"{old} is {new} now. Its host hears of it at the next apply.")


@click.command("backup")
@click.argument("file")
@project_options
def backup_command(settings: Settings, file: str) -> None:
    """Write a copy of everything that state holds, which fits any back end."""
    from aivp_contract import canonical

    from aivp.cli.output import write_bytes
    from aivp.state.backup import encode
    from aivp.state.content import read_content

    with _opened(settings) as state:
        content = read_content(state)
    data = encode(content)
    write_bytes(data, file, mode=0o600)
    counts = {"objects": len(content.objects), "runs": len(content.runs), "serial": content.serial}
    said = f"Wrote {_count(counts['objects'], 'object')} and {_count(counts['runs'], 'run')} to {file}."
    _say(settings, "backup", {"file": file, "digest": canonical.digest_bytes(data), **counts}, said)


@click.command("restore")
@click.argument("file")
@click.option("--force", is_flag=True, help="Also over a state that is newer, or of another lineage.")
@_YES
@project_options
def restore_command(settings: Settings, file: str, force: bool, yes: bool) -> None:
    """Put a copy in place of what state holds."""
    from aivp.cli.output import read_bytes
    from aivp.state.backup import decode, differences, restore
    from aivp.state.content import read_content

    content = decode(read_bytes(file))
    with contextlib.closing(settings.engine().state()) as state, state.exclusive():
        changes = differences(read_content(state), content)
        _ask(settings, yes, f"Restore state from {file}? {'; '.join(changes) or 'Nothing of its objects changes'}.")
        is_changed = restore(state, content, is_forced=force)
    counts = {"objects": len(content.objects), "runs": len(content.runs), "is_changed": is_changed}
    said = f"Restored {_count(len(content.objects), 'object')}. See what has changed since: aivp plan"
    _say(settings, "restored", {"file": file, **counts}, said if is_changed else "State is as the copy already.")


@click.command("check")
@project_options
def check_command(settings: Settings) -> None:
    """Look for damage: the back end's files, every row, every run. Changes nothing."""
    from aivp.cli.failure import print_diagnostics
    from aivp.diagnostics import Diagnostic, Refused
    from aivp.state.check import flaws
    from aivp.state.content import read_content

    with _opened(settings) as state:
        mend = "Take a copy of what can be read (aivp state backup), and look at its disk."
        found = [Diagnostic("AIVP0842", f"{text}.", mend) for text in state.database.problems()]
        place = str(state.database.place)
        try:
            content = read_content(state)
        except Refused as refused:
            raise Refused([*found, *refused.diagnostics]) from None
    found += flaws(content)
    if found:
        print_diagnostics(found, settings)
    errors = sum(item.severity == "error" for item in found)
    counts = {"objects": len(content.objects), "runs": len(content.runs), "errors": errors}
    warnings = len(found) - errors
    told = "sound" if not found else f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    said = f"{place}: {_count(len(content.objects), 'object')}, {_count(len(content.runs), 'run')}; {told}."
    _say(settings, "checked", {**counts, "warnings": warnings}, said)
    if errors:
        raise click.exceptions.Exit(1)


@click.command("move")
@click.option("--from", "source", metavar="PLACE", help="Where it is, as under `state` in aivp.yaml.")
@_YES
@project_options
def move_command(settings: Settings, source: str | None, yes: bool) -> None:
    """Take state to where aivp.yaml says that it is; the old place is closed."""
    from aivp.state.move import move_state, plan_move

    engine = settings.engine()
    given = None if source is None else _place(source)
    move = plan_move(given, engine.place, engine.root, engine.project.name, engine.project.environment)
    _ask(settings, yes, f"Move the state of {move.project}/{move.environment} from {move.source} to {move.target}?")
    count = move_state(move)
    moved = {"from": str(move.source), "to": str(move.target), "objects": count}
    said = f"Moved {_count(count, 'object')} from {move.source} to {move.target}. The old place opens no more."
    _say(settings, "moved", moved, said)


COMMANDS = (mv_command, backup_command, restore_command, check_command, move_command)


def _place(text: str) -> Place:
    """A place in the words of aivp.yaml. Raises Refused."""
    from aivp.config.places import read_text

    return read_text(text, "--from")


def _opened(settings: Settings) -> contextlib.closing[State]:
    state = settings.engine().existing_state()
    if state is None:
        raise refusal("AIVP0709", "This environment has no state yet.", "The first apply makes it.")
    return contextlib.closing(state)


def _ask(settings: Settings, yes: bool, question: str) -> None:
    if yes:
        return
    if settings.is_json or not sys.stdin.isatty():
        raise refusal("AIVP0901", "Nobody is there to be asked.", "Say -y.")
    if not click.confirm(question):
        raise refusal("AIVP0904", "Nothing was changed.")


def _say(settings: Settings, name: str, members: Mapping[str, Json], text: str) -> None:
    if settings.is_json:
        from aivp.views.json_lines import line

        click.echo(line(name, members))
    else:
        from aivp.views import escape

        click.echo(escape.line(text, 2000))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
