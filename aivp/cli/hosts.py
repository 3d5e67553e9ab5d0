"""hosts list, check, bootstrap, facts, record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aivp.cli.failure import print_diagnostics
from aivp.cli.overhearing import attending
from aivp.cli.settings import Settings, project_options

if TYPE_CHECKING:
    from aivp.engine import Engine
    from aivp.model.evidence import HostEvidence
    from aivp.model.resource import Host

EVERY = "all"

chosen = click.argument("hosts", metavar="[HOSTS]", default=EVERY)


@click.group()
def hosts_command() -> None:
    """Where resources are realised. HOSTS: names, groups or LABEL=VALUE, with commas between them; else all."""


@hosts_command.command("list")
@chosen
@project_options
def list_command(settings: Settings, hosts: str) -> None:
    """Declared hosts and groups: how each is reached, and what is declared on it (with -v by address)."""
    engine = settings.engine()
    found = _selected(engine, hosts) if engine.ir.hosts or hosts != EVERY else []
    groups = engine.compiled.groups
    resources = {host.name: [a for a, item in engine.ir.resources.items() if item.host == host.name] for host in found}
    if settings.is_json:
        from aivp.views.json_lines import line

        for host in found:
            inside = [name for name, members in sorted(groups.items()) if host.name in members]
            members = {"name": host.name, **host.form(), "labels": dict(host.labels), "groups": inside}
            click.echo(line("host", {**members, "resources": resources[host.name]}))
        for name, names in sorted(groups.items()) if hosts == EVERY else ():
            click.echo(line("group", {"name": name, "hosts": list(names)}))
        return
    from aivp.views.hosts_text import render_hosts

    text = render_hosts(
        found,
        groups if hosts == EVERY else {},
        resources,
        width=settings.width,
        color=settings.color,
        verbose=settings.is_verbose,
    )
    click.echo(text, color=settings.color)


@hosts_command.command("check")
@chosen
@project_options
def check_command(settings: Settings, hosts: str) -> None:
    """Reach each host and see whether aivp can work there. Changes nothing. Exit code 1 where it cannot on any."""
    from aivp.engine import asking

    engine = settings.engine()
    with engine.sessions() as sessions, attending(sessions, settings):
        found = asking.check_hosts(engine, _selected(engine, hosts), sessions)
    if settings.is_json:
        from aivp.views.json_lines import line

        for item in found:
            click.echo(line("host-checked", item.form()))
    else:
        from aivp.views.hosts_text import render_checked

        click.echo(render_checked(found, width=settings.width, color=settings.color), color=settings.color)
        remarks = [remark for item in found for remark in item.remarks]
        if remarks:
            print_diagnostics(remarks, settings)
    if not all(item.is_fit for item in found):
        raise click.exceptions.Exit(1)


@hosts_command.command("bootstrap")
@click.argument("hosts", metavar="HOSTS")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@project_options
def bootstrap_command(settings: Settings, hosts: str, yes: bool) -> None:
    """Install python3 with each host's own package manager, where it is missing. Exit code 1 where that fails.

    The one change that aivp makes outside of any plan: before it, nothing of aivp can run there.
    """
    from aivp.cli.asking import ask
    from aivp.diagnostics import Diagnostic, Refused
    from aivp.engine import asking

    engine = settings.engine()
    chosen_hosts = _selected(engine, hosts)
    ask(settings, yes, f"Install python3, where it is missing, on {', '.join(host.name for host in chosen_hosts)}?")
    with engine.sessions() as sessions, attending(sessions, settings):
        found = asking.bootstrap(engine, chosen_hosts, sessions)
    failures: list[Diagnostic] = []
    for name, answer in found.items():
        if isinstance(answer, Refused):
            failures += answer.diagnostics
        elif settings.is_json:
            from aivp.views.json_lines import line

            click.echo(line("bootstrapped", {"host": name, "is_installed": answer}))
        else:
            click.echo(f"{name}: python3 {'was installed' if answer else 'was there already'}")
    if failures:
        raise Refused(failures)


@hosts_command.command("facts")
@chosen
@click.option("--observed", metavar="FILE", help="From recorded evidence instead of the hosts.")
@project_options
def facts_command(settings: Settings, hosts: str, observed: str | None) -> None:
    """The facts of each host, as conditions and references see them. Exit code 1 where any could not be asked."""
    engine = settings.engine()
    found = _facts(engine, _selected(engine, hosts), observed, settings)
    if settings.is_json:
        from aivp.observe.facts import flat
        from aivp.views.json_lines import line

        for name, item in found.items():
            click.echo(line("facts", {"host": name, "facts": dict(flat(item.facts)), "error": item.error}))
    else:
        from aivp.views.hosts_text import render_facts

        text = render_facts(found, width=settings.width, color=settings.color)
        click.echo(text, color=settings.color)
        _say_unreached(found, settings)
    if any(item.error is not None for item in found.values()):
        raise click.exceptions.Exit(1)


@hosts_command.command("record")
@click.argument("argv", metavar="[-- ARGV...]", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--from-ansible", "inventory", metavar="FILE", help="Read a static Ansible inventory: INI, YAML, a folder."
)
@click.option("-o", "output", metavar="FILE", help="Where to write it.  [default: standard output]")
@click.option("--timeout", type=click.IntRange(1, 3600), default=60, show_default=True, help="Seconds for ARGV.")
@project_options
def record_command(
    settings: Settings, argv: tuple[str, ...], inventory: str | None, output: str | None, timeout: int
) -> None:
    """Write an inventory as a document of hosts and groups, for `include:` of aivp.yaml.

    ARGV prints one: what Ansible's dynamic inventories answer to --list, or hosts and groups in aivp's own words. It
    runs once, here and now; compiling never starts it. The same inventory gives the same bytes.
    """
    if bool(argv) == (inventory is not None):
        raise click.UsageError("Give either -- ARGV, which prints an inventory, or --from-ansible FILE.")
    from aivp.cli.record import record, write

    found = record(settings, argv, inventory, timeout)
    write(settings, found, output)


def _facts(engine: Engine, hosts: list[Host], observed: str | None, settings: Settings) -> dict[str, HostEvidence]:
    from aivp.engine import asking

    if observed is None:
        with engine.sessions() as sessions, attending(sessions, settings):
            return asking.facts(engine, hosts, sessions)
    from aivp.cli.plan import recorded
    from aivp.model.evidence import HostEvidence

    seen = recorded(observed).hosts
    missing = HostEvidence(error=f"{observed} does not hold it.", mend="Record it with: aivp observe -o FILE")
    return {host.name: seen.get(host.name, missing) for host in hosts}


def _say_unreached(found: dict[str, HostEvidence], settings: Settings) -> None:
    from aivp.diagnostics import Diagnostic

    lost = [Diagnostic(item.code, item.error, item.mend) for item in found.values() if item.error is not None]
    if lost:
        print_diagnostics(lost, settings)


def _selected(engine: Engine, hosts: str) -> list[Host]:
    from aivp.hosts.selection import select

    return select(hosts, engine.ir.hosts, engine.compiled.groups)
