"""The lab at a shell: build roots, keep a named host up between two commands, clean up.

python -m tests.lab build [SUITE...]    build the roots and repositories that are not cached
python -m tests.lab up NAME             start a host that stays, print its channel as a JSON array
python -m tests.lab down NAME           remove it
python -m tests.lab list                one JSON object a line for each host
python -m tests.lab sweep               remove hosts whose owner is gone
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence

from tests.lab import instances
from tests.lab.availability import available
from tests.lab.errors import LabError
from tests.lab.hosts import channel
from tests.lab.places import places
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
    up.add_argument("--package", action="append", default=[], help="a further Debian package in its root")
    up.add_argument("--owner", type=int, help="process id; once it has ended, the next start removes the host")
    down = commands.add_parser("down", help="remove a host")
    down.add_argument("name")
    commands.add_parser("list", help="the hosts that exist")
    commands.add_parser("sweep", help="remove hosts whose owner is gone")
    return parser


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
    _require(arguments.suite)
    host = start_host(arguments.suite, arguments.name, arguments.package)
    try:
        host.detach(arguments.owner)
    except BaseException as error:
        with signals_held():
            host.remove()
        if isinstance(error, ProcessLookupError):
            raise LabError(f"There is no process {arguments.owner}.") from None
        raise
    print(json.dumps(host.argv))
    return 0


def _down(arguments: argparse.Namespace) -> int:
    for instance in instances.instances(places(os.environ)):
        if instance.name == arguments.name:
            with signals_held():
                instances.remove(instance)
            return 0
    raise LabError(f"There is no host {arguments.name!r}.")


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
    return 0


def _sweep(arguments: argparse.Namespace) -> int:
    for name in sweep():
        print(name)
    return 0


def _require(suite: str) -> None:
    reason = available(suite)
    if reason is not None:
        raise LabError(f"No {suite} host here: {reason}.")


_COMMANDS = {"build": _build, "up": _up, "down": _down, "list": _list, "sweep": _sweep}

if __name__ == "__main__":
    sys.exit(main())
