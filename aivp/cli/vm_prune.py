"""vm prune: VMs that no state and no project knows any more go, after a person has seen which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aivp.cli.asking import ask
from aivp.cli.settings import Settings, project_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivp.engine.vms_left import Left


@click.command("prune")
@click.option("--dry-run", is_flag=True, help="Only show them.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@project_options
def prune_command(settings: Settings, dry_run: bool, yes: bool) -> None:
    """Remove VMs that nobody owns any more: neither this project's state knows them, nor does any project claim them.

    They are shown first, then asked about. Those that other projects claim on the host are shown and left alone.
    """
    from aivp.cli.vm import opened, say_refused
    from aivp.diagnostics import Refused
    from aivp.engine.vms_left import left

    with opened(settings) as (found, sessions):
        seen, refusals = left(settings.engine(), found, sessions)
        nobodys = {item.vm.title: item.vm for item in seen if not item.claims}
        _show(seen, settings)
        if dry_run or not nobodys:
            say_refused(refusals, settings)
            return
        several = "this VM" if len(nobodys) == 1 else f"these {len(nobodys):,} VMs"
        ask(settings, yes, f"Remove {several} for good, with what is on the disks?")
        answers = sessions.each(nobodys, lambda title: found.ask(nobodys[title], "remove"))
    for title, answer in answers.items():
        if not isinstance(answer, Refused):
            _tell(title, settings)
    say_refused([*refusals, *(answer for answer in answers.values() if isinstance(answer, Refused))], settings)


def _show(seen: Sequence[Left], settings: Settings) -> None:
    if settings.is_json:
        from aivp.views.json_lines import line

        for item in seen:
            click.echo(line("vm-left", {**item.vm.form(), "claims": list(item.claims)}))
        return
    from aivp.views.vms_text import render_left

    click.echo(render_left(seen, width=settings.width, color=settings.color), color=settings.color)


def _tell(title: str, settings: Settings) -> None:
    if settings.is_json:
        return
    from aivp.views import escape

    click.echo(escape.line(f"{title}: removed"))
