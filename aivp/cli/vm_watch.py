"""vm logs, top: what VMs say and how busy they are, once or as it goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from aivp.cli.settings import Settings, project_options

if TYPE_CHECKING:
    from aivp.model.vms import Vm

LOGS = {"console": "console.log", "supervisor": "supervisor.log", "qemu": "qemu.log"}

BETWEEN = 1.0
"""Seconds between the two looks that a single table takes."""


@click.command("logs")
@click.argument("vm", metavar="VM")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("-n", "--lines", "count", type=click.IntRange(0, 1_000_000), default=100, show_default=True)
@click.option("--log", type=click.Choice(["all", *LOGS]), default="all", show_default=True, help="Whose words.")
@click.option("--raw", is_flag=True, help="Bytes as they are, also those that a terminal obeys.")
@project_options
def logs_command(settings: Settings, vm: str, follow: bool, count: int, log: str, raw: bool) -> None:
    """What a VM said on its console, and what its supervisor and its machine said of it."""
    from aivp.cli.vm import opened
    from aivp.engine.vms import lines
    from aivp.hosts.calling import follow as stream
    from aivp.views import escape
    from aivp.views.terminal_text import plain

    with opened(settings) as (found, _):
        meant = found.one(vm)
        files = [LOGS[log]] if log != "all" else list(LOGS.values())
        tail = ["sh", "-c", _TAIL, meant.folder, str(count), "-F" if follow else "", *files]
        chunks = stream(meant.host, tail, found.withheld)
        if raw:
            _write_raw(chunks)
            return
        for text in lines(chunks):
            shown = plain(text)
            if settings.is_json:
                from aivp.views.json_lines import line

                click.echo(line("vm-said", {"address": meant.address, "text": shown}))
            else:
                click.echo(escape.line(shown, len(shown)))


_TAIL = """cd "$0" || exit; count=$1 how=$2; shift 2
for file; do shift; [ -e "$file" ] && set -- "$@" "$file"; done
[ $# = 0 ] || exec tail -n "$count" $how -- "$@" """
"""What has not been said yet has no file."""


def _write_raw(chunks: Iterable[bytes]) -> None:
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


@click.command("top")
@click.option("-n", "times", type=click.IntRange(1), help="How often.  [default: once; on a terminal until Ctrl-C]")
@click.option("--every", type=click.FloatRange(0.2, 3600), default=2.0, show_default=True, help="Seconds between.")
@project_options
def top_command(settings: Settings, times: int | None, every: float) -> None:
    """How busy VMs keep the processors and the memory of their hosts. Exit code 1 where a host could not be asked."""
    from aivp.cli.screen import is_able
    from aivp.cli.vm import opened, say_refused
    from aivp.engine.vms import look
    from aivp.views.vms_text import render_top, share

    is_live = is_able() and not settings.is_json and times != 1
    left = times if times is not None else 0 if is_live else 1
    with opened(settings) as (found, sessions):
        before, since = _used(look(found, sessions)[0]), time.monotonic()
        while True:
            time.sleep(every if is_live or (times or 1) > 1 else BETWEEN)
            seen, refusals = look(found, sessions)
            now = time.monotonic()
            if settings.is_json:
                from aivp.views.json_lines import line

                for vm in seen:
                    click.echo(line("vm-usage", {**vm.form(), "share": share(vm, before, now - since)}))
            else:
                text = render_top(seen, before, now - since, width=settings.width, color=settings.color)
                click.echo(f"\x1b[H\x1b[2J{text}" if is_live else text, color=True if is_live else settings.color)
            before, since = _used(seen), now
            left -= 1
            if left == 0:
                break
    say_refused(refusals, settings)


def _used(found: Iterable[Vm]) -> dict[str, float]:
    return {vm.title: used for vm in found if (used := vm.number("cpu_seconds")) is not None}
