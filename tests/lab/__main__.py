"""The lab at a shell: build roots, keep a named host up between two commands, clean up.

python -m tests.lab build [SUITE...]    build the roots and repositories that are not cached
python -m tests.lab up NAME             start a host that stays, print its channel as a JSON array
python -m tests.lab up NAME --plain     a container without systemd, with init scripts and dnf
python -m tests.lab up NAME --ssh       the same in a network of that name, print the ssh command that reaches it
python -m tests.lab network NAME HOST[=SUITE]...   several hosts in one network that stay; prints how to reach them
python -m tests.lab down NAME           remove the host or the network of that name
python -m tests.lab list                one JSON object a line for each host
python -m tests.lab sweep               remove hosts whose owner is gone
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence

from tests.lab import instances, namespaces
from tests.lab.availability import available, network_available
from tests.lab.errors import LabError
from tests.lab.hosts import Host, channel
from tests.lab.networks import Network
from tests.lab.places import places
from tests.lab.plain import start_plain_host
from tests.lab.processes import is_alive
from tests.lab.recipe import DEFAULT_SUITE, SUITES, recipe
from tests.lab.repository import repository
from tests.lab.roots import architecture, is_cached, root
from tests.lab.signals import signals_held, terminable
from tests.lab.start import start_host, sweep


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 with the reason on stderr."""
    arguments = _parser().parse_args(argv)
    try:
        with terminable():
            return _COMMANDS[arguments.command](arguments)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="Throwaway systemd hosts.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build the roots that are not cached")
    build.add_argument("suites", metavar="SUITE", nargs="*", default=[DEFAULT_SUITE], help=", ".join(SUITES))
    up = commands.add_parser("up", help="start a host that stays; prints its channel as JSON")
    up.add_argument("name")
    up.add_argument("--suite", choices=SUITES, default=DEFAULT_SUITE)
    up.add_argument("--plain", action="store_true", help="a container without systemd; takes no --package")
    up.add_argument("--package", action="append", default=[], help="a further Debian package in its root")
    up.add_argument("--ssh", action="store_true", help="in a network, reached over SSH; prints the command")
    _add_owner(up)
    network = commands.add_parser("network", help="start several hosts that stay, in a network; prints it as JSON")
    network.add_argument("name")
    network.add_argument("hosts", metavar="HOST[=SUITE]", nargs="+")
    _add_owner(network)
    down = commands.add_parser("down", help="remove a host or a network")
    down.add_argument("name")
    commands.add_parser("list", help="the hosts and networks that exist")
    commands.add_parser("sweep", help="remove hosts and networks whose owner is gone")
    return parser


def _add_owner(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--owner", type=int, help="process id; once it has ended, the next start removes what it had")


def _build(arguments: argparse.Namespace) -> int:
    where = places(os.environ)
    for suite in arguments.suites:
        wanted = recipe(suite, architecture())
        _require(suite)
        word = "cached" if is_cached(where, wanted) else "built"
        begun = time.monotonic()
        built = root(where, wanted, os.environ)
        repository(where, built)
        print(f"{suite}: {word} in {time.monotonic() - begun:.1f} s at {built.folder}")
    return 0


def _up(arguments: argparse.Namespace) -> int:
    if arguments.ssh:
        network = _laid(arguments, {arguments.name: arguments.suite})
        print(shlex.join(network.ssh(arguments.name)))
        return 0
    _require(arguments.suite)
    host: Host
    if arguments.plain:
        host = start_plain_host(arguments.suite, arguments.name)
    else:
        host = start_host(arguments.suite, arguments.name, arguments.package)
    _leave(host, arguments.owner)
    print(json.dumps(host.argv))
    return 0


def _network(arguments: argparse.Namespace) -> int:
    pairs = (text.partition("=") for text in arguments.hosts)
    suites = {name: suite or DEFAULT_SUITE for name, _, suite in pairs}
    network = _laid(arguments, suites)
    shown = {
        "argv": network.argv,
        "ssh_config": str(network.client.config),
        "hosts": {host.name: {"address": host.address, "suite": host.host.suite} for host in network.all},
    }
    print(json.dumps(shown))
    return 0


def _laid(arguments: argparse.Namespace, suites: dict[str, str]) -> Network:
    for suite in suites.values():
        recipe(suite, architecture())
        reason = network_available(suite)
        if reason is not None:
            raise LabError(f"No {suite} host over SSH here: {reason}.")
    network = Network.start(arguments.name)
    try:
        network.hosts(suites)
    except BaseException:
        with signals_held():
            network.remove()
        raise
    _leave(network, arguments.owner)
    return network


def _leave(started: Host | Network, owner: int | None) -> None:
    """Let it live on when this process ends."""
    try:
        started.detach(owner)
    except BaseException as error:
        with signals_held():
            started.remove()
        if isinstance(error, ProcessLookupError):
            raise LabError(f"There is no process {owner}.") from None
        raise


def _down(arguments: argparse.Namespace) -> int:
    where = places(os.environ)
    laid = [namespace for namespace in namespaces.namespaces(where) if namespace.name == arguments.name]
    names = {arguments.name, *(member for namespace in laid for member in namespace.members)}
    found = [instance for instance in instances.instances(where) if instance.name in names]
    if not laid and not found:
        raise LabError(f"There is no host or network {arguments.name!r}.")
    with signals_held():
        for instance in found:
            instances.remove(instance)
        for namespace in laid:
            namespaces.remove(namespace)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    for instance in instances.instances(places(os.environ)):
        pid = instances.leader(instance)
        entry = {
            "name": instance.name,
            "suite": instance.suite,
            "argv": None if pid is None else channel(pid),
            "root": str(instance.merged),
            "leftover": not is_alive(instance.owner),
        }
        print(json.dumps(entry))
    for namespace in namespaces.namespaces(places(os.environ)):
        found = {"network": namespace.name, "argv": namespace.argv, "leftover": not is_alive(namespace.owner)}
        print(json.dumps(found))
    return 0


def _sweep(arguments: argparse.Namespace) -> int:
    for name in sweep():
        print(name)
    return 0


def _require(suite: str) -> None:
    reason = available(suite)
    if reason is not None:
        raise LabError(f"No {suite} host here: {reason}.")


_COMMANDS = {"build": _build, "up": _up, "network": _network, "down": _down, "list": _list, "sweep": _sweep}

if __name__ == "__main__":
    sys.exit(main())
