"""The command: `python -m aivp_conformance FOLDER|MANIFEST [-- ARGV…]`. Exit code 0: all passed, 1: a check
failed, 2: it could not run.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path

from . import cases, junit, manifest, report
from .checks import ALL, BASE, MANIFEST
from .run import Plan, run
from .world import Options

# Without these no other verdict means anything: `--only` cannot leave them out.
ALWAYS = [check.name for check in (MANIFEST, *BASE)]


class CannotRun(Exception):
    """Why there is nothing to report."""


def main(argv: Sequence[str] | None = None) -> int:
    """Check one provider, and report."""
    words = list(sys.argv[1:] if argv is None else argv)
    own, program = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    try:
        arguments = parser().parse_args(own)
    except SystemExit as end:
        return int(end.code or 0)
    if arguments.list:
        print(described())
        return 0
    try:
        plan = planned(arguments, program)
    except CannotRun as why:
        print(f"aivp-conformance: {why}", file=sys.stderr)
        return 2
    begun = time.monotonic()
    outcomes = run(plan, lambda outcome: print(report.line(outcome), flush=True))
    seconds = time.monotonic() - begun
    print(report.total(outcomes, seconds))
    if arguments.junit is not None:
        try:
            arguments.junit.write_bytes(junit.document(str(plan.manifest.form.get("name")), outcomes, seconds))
        except OSError as error:
            print(f"aivp-conformance: {arguments.junit} cannot be written: {error.strerror}", file=sys.stderr)
            return 2
    return 1 if any(outcome.state == "failed" for outcome in outcomes) else 0


def planned(arguments: argparse.Namespace, program: list[str]) -> Plan:
    """What to run. Raises CannotRun."""
    if arguments.folder is None:
        raise CannotRun("name the folder of a manifest.json, or the file; --help says more")
    try:
        found = manifest.read(arguments.folder)
        file = arguments.cases or found.folder / "conformance.json"
        known = cases.read(file) if arguments.cases or file.exists() else cases.Cases()
    except (OSError, ValueError) as error:
        raise CannotRun(str(error)) from None
    names = [check.name for check in ALL]
    chosen = arguments.only or names
    for name in chosen:
        if name not in names:
            raise CannotRun(f"no check {name}; --list names them")
    start = found.form.get("start")
    argv = program or (found.argv() if isinstance(start, dict) or start is None else None)
    if not argv:
        raise CannotRun("the manifest's `start` has nothing for this machine: give the program after --")
    if "/" in argv[0]:
        argv = [os.path.abspath(argv[0]), *argv[1:]]  # it starts in /
    chosen = [*chosen, *ALWAYS]
    defaults = Options()
    options = Options(arguments.patience, defaults.ending, arguments.examples, arguments.moments)
    return Plan(found, known, argv, options, frozenset(chosen))


def parser() -> argparse.ArgumentParser:
    """The words of the command line."""
    found = argparse.ArgumentParser(
        prog="aivp-conformance",
        description="Checks a provider against aivp's provider protocol, version 1.",
        epilog="What follows -- starts the provider, instead of the manifest's `start`.",
    )
    found.add_argument("folder", metavar="FOLDER|MANIFEST", nargs="?", type=Path, help="where manifest.json lies")
    found.add_argument(
        "--cases", metavar="FILE", type=Path, help="the case file (default: conformance.json beside the manifest)"
    )
    found.add_argument("--junit", metavar="FILE", type=Path, help="write JUnit XML, too")
    found.add_argument("--only", metavar="CHECK", action="append", help="this check; may be given several times")
    found.add_argument("--list", action="store_true", help="name the checks, and why they are there")
    found.add_argument(
        "--patience", metavar="SECONDS", type=float, default=Options.patience, help="for one answer (%(default)s)"
    )
    found.add_argument(
        "--examples", metavar="N", type=int, default=Options.examples, help="declarations to draw (%(default)s)"
    )
    found.add_argument(
        "--moments", metavar="N", type=int, default=Options.moments, help="moments to kill at (%(default)s)"
    )
    return found


def described() -> str:
    """Every check with its paragraph."""
    told = [
        f"{check.name}\n{textwrap.fill(check.why, 100, initial_indent='    ', subsequent_indent='    ')}"
        for check in ALL
    ]
    return "\n".join(told)


if __name__ == "__main__":
    sys.exit(main())
