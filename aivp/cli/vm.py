"""vm list, start, stop, reboot, pause, resume, exec, console; the others are in vm_watch, vm_ssh and vm_snapshots."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from aivp.cli.failure import print_diagnostics
from aivp.cli.overhearing import attending
from aivp.cli.settings import Settings, project_options
from aivp.cli.vm_prune import prune_command
from aivp.cli.vm_snapshots import COMMANDS as SNAPSHOTS
from aivp.cli.vm_ssh import ssh_command
from aivp.cli.vm_watch import logs_command, top_command
from aivp.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from aivp.engine.vms import Vms
    from aivp.hosts.sessions import Sessions
    from aivp.model.vms import Vm

names = click.argument("vms", metavar="VM...", nargs=-1, required=True)
one = click.argument("vm", metavar="VM")


@click.group()
def vm_command() -> None:
    """Virtual machines by hand. VM: an address such as vm.web or vm.worker[0]@lab, or the name on its host.

    What is declared stays declared: a VM that was stopped by hand and shall be running is started by the next apply.
    """


@vm_command.command("list")
@project_options
def list_command(settings: Settings) -> None:
    """Every VM of this project, and those that stand beside them. Exit code 1 where a host could not be asked."""
    from aivp.engine.vms import look

    with opened(settings) as (found, sessions):
        seen, refusals = look(found, sessions)
    if settings.is_json:
        from aivp.views.json_lines import line

        for vm in seen:
            click.echo(line("vm", vm.form()))
    else:
        from aivp.views.vms_text import render_vms

        click.echo(render_vms(seen, width=settings.width, color=settings.color), color=settings.color)
    say_refused(refusals, settings)


@vm_command.command("start")
@names
@click.option("--wait", type=click.IntRange(0, 3600), default=0, help="Seconds to wait for the guest helper to answer.")
@project_options
def start_command(settings: Settings, vms: tuple[str, ...], wait: int) -> None:
    """Start VMs; those that are paused go on."""
    _each(settings, vms, "start", ["--wait", str(wait)] if wait else [], seconds=wait + 240.0)


@vm_command.command("stop")
@names
@click.option("--timeout", type=click.IntRange(0, 3600), default=60, show_default=True, help="Seconds before a cut.")
@click.option("--force", is_flag=True, help="Cut the power at once.")
@project_options
def stop_command(settings: Settings, vms: tuple[str, ...], timeout: int, force: bool) -> None:
    """Shut VMs down: the guest is asked to; what does not end in time has its power cut."""
    _each(settings, vms, "stop", _ending(timeout, force), seconds=timeout + 120.0)


@vm_command.command("reboot")
@names
@click.option("--timeout", type=click.IntRange(0, 3600), default=60, show_default=True, help="Seconds before a cut.")
@click.option("--force", is_flag=True, help="As the reset button does.")
@project_options
def reboot_command(settings: Settings, vms: tuple[str, ...], timeout: int, force: bool) -> None:
    """Shut VMs down and start them again."""
    _each(settings, vms, "reboot", _ending(timeout, force), seconds=timeout + 240.0)


@vm_command.command("pause")
@names
@project_options
def pause_command(settings: Settings, vms: tuple[str, ...]) -> None:
    """Hold the processors of VMs; memory stays as it is."""
    _each(settings, vms, "pause", [])


@vm_command.command("resume")
@names
@project_options
def resume_command(settings: Settings, vms: tuple[str, ...]) -> None:
    """Let paused VMs go on."""
    _each(settings, vms, "resume", [])


@vm_command.command("exec")
@one
@click.argument("argv", metavar="-- ARGV...", nargs=-1, required=True, type=click.UNPROCESSED)
@project_options
def exec_command(settings: Settings, vm: str, argv: tuple[str, ...]) -> None:
    """Run a command within a VM with these streams, by its guest helper. Its exit code is this one's; 255: no way in.

    Quick, and in no journal; `aivp exec VM -- ARGV` is the way that is.
    """
    from aivp.hosts.calling import join

    with opened(settings) as (found, _):
        meant = found.one(vm)
        code = join(meant.host, [*meant.way_in, *argv], found.withheld, is_terminal=False)
    raise click.exceptions.Exit(code)


@vm_command.command("console")
@one
@project_options
def console_command(settings: Settings, vm: str) -> None:
    """The serial console of a VM on this terminal. Ctrl-] leaves it."""
    from aivp.hosts.calling import join

    with opened(settings) as (found, _):
        meant = found.one(vm)
        command = [*meant.program, "console", meant.name]
        code = join(meant.host, command, found.withheld, is_terminal=sys.stdin.isatty())
    raise click.exceptions.Exit(code)


for command in (ssh_command, logs_command, top_command, *SNAPSHOTS, prune_command):
    vm_command.add_command(command)


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[tuple[Vms, Sessions]]:
    """The VMs of the project, and sessions of which none is open."""
    from aivp.engine.vms import vms as known

    engine = settings.engine()
    with engine.sessions() as sessions, attending(sessions, settings):
        yield known(engine, sessions), sessions


def say_refused(refusals: Sequence[Refused], settings: Settings) -> None:
    """Say why hosts could not be asked, and end with 1 where there is such a one."""
    found: list[Diagnostic] = [item for refused in refusals for item in refused.diagnostics]
    if found:
        print_diagnostics(found, settings)
        raise click.exceptions.Exit(1)


def _ending(timeout: int, force: bool) -> list[str]:
    return ["--timeout", str(timeout), *(["--force"] if force else [])]


def _each(settings: Settings, vms: Sequence[str], verb: str, words: Sequence[str], seconds: float = 120.0) -> None:
    """The same of several, side by side; the failure of one stops no other."""
    with opened(settings) as (found, sessions):
        meant = {vm.title: vm for vm in found.chosen(vms)}
        answers = sessions.each(meant, lambda title: found.ask(meant[title], verb, *words, seconds=seconds))
    for title, answer in answers.items():
        if not isinstance(answer, Refused):
            _tell(settings, meant[title], answer)
    say_refused([answer for answer in answers.values() if isinstance(answer, Refused)], settings)


def _tell(settings: Settings, vm: Vm, answer: Mapping[str, object]) -> None:
    seen = vm.with_seen(answer)
    if settings.is_json:
        from aivp.views.json_lines import line

        click.echo(line("vm", seen.form()))
        return
    from aivp.views import escape

    click.echo(escape.line(f"{seen.title}: {seen.status}"))
