"""`python -m bench`: measure part by part, keep raw samples, print the report, put it into the docs if asked to."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import leases, machines, pages
from bench.durability import PLANS, count_requests, count_syncs
from bench.machine import ROOT, describe
from bench.protocol import ASKED, measured
from bench.report import placed, report
from bench.results import Results, load
from bench.sides import terraform_version
from bench.ssh import parts as ssh
from bench.startup import startup
from bench.targets import targets
from bench.versus import compare, warm

PARTS = ("tree", "chain", "startup", "durability", "protocol", "pages", "leases", "machines", "ssh")
ROUNDS = {100: 5, 500: 5, 1000: 5, 2000: 3, 5000: 3, 10000: 3}
"""Resources → rounds. About 20 minutes on two quiet cores, half of it terraform's apply of 5,000 and of the chain."""
QUICK, QUICK_ROUNDS = (100, 500, 1000), 2
CHAINS = {True: 300, False: 1000}
APPLIES_UP_TO = 5000
"""Resources up to which terraform applies: at 10,000 it would need half an hour."""
DOCS = ROOT / "docs/benchmarks.md"


def main() -> None:
    """Measure what was asked for and is not there yet, then report all that is there."""
    options = _options()
    path = Path(options.output)
    if options.render:
        results = load(Path(options.render))
    else:
        results = _start(path, options)
        try:
            _measure(results, path, options)
        except KeyboardInterrupt:
            _say(f"interrupted; go on with: python -m bench --resume -o {path}")
            sys.exit(130)
    if options.docs and options.only:  # the other parts stay as they were measured
        measured_now, results = results, load(DOCS.with_suffix(".json"))
        results.take(measured_now)
    if options.docs:
        results.save(DOCS.with_suffix(".json"))
        results = load(DOCS.with_suffix(".json"))  # rounded, as whoever renders it again will find it
    text = report(results)
    sys.stdout.write(text + "\n")
    if options.docs:
        DOCS.write_text(placed(DOCS.read_text(encoding="utf-8"), text), encoding="utf-8")
    missed = [item.promise for item in targets(results) if item.is_met is False]
    _say("every target that was measured is met" if not missed else f"missed: {'; '.join(missed)}")


def _options() -> argparse.Namespace:
    """The command line. `--only` names parts by their beginning, so that one size can be measured alone."""
    parser = argparse.ArgumentParser(prog="bench", description="Speed as ratios measured in one run.")
    parser.add_argument("--quick", action="store_true", help="up to 1,000 resources, few rounds: about two minutes")
    parser.add_argument(
        "--only",
        action="append",
        metavar="PART",
        help=f"only {', '.join(PARTS)}, or such as tree/1000; may be repeated",
    )
    parser.add_argument("--resume", action="store_true", help="keep the parts that FILE.json already holds")
    parser.add_argument("--rounds", type=int, default=10, help="at most this many rounds of a tree or chain")
    parser.add_argument("--limit", type=float, default=300, help="seconds after which terraform's apply is stopped")
    parser.add_argument("-o", "--output", metavar="FILE.json", default="build/bench.json", help="the raw samples")
    parser.add_argument("--render", metavar="FILE.json", help="measure nothing, report these samples")
    parser.add_argument("--docs", action="store_true", help="write samples and report into docs/benchmarks")
    options = parser.parse_args()
    for part in options.only or ():
        if not any(_is_chosen(name, [part]) for name in _parts(quick=options.quick)):
            parser.error(f"there is no part {part}: {', '.join(_parts(quick=options.quick))}")
    return options


def _start(path: Path, options: argparse.Namespace) -> Results:
    """Fresh results, or those of `path` to go on with: only of the same machine, code and versions."""
    machine = describe()
    if options.resume and path.exists():
        found = load(path)
        if dict(found.machine) != machine:
            sys.exit(f"bench: {path} was measured with another machine or other code; begin anew without --resume")
        return found
    began = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Results(machine, began, options.limit, round(os.getloadavg()[0], 1))


def _measure(results: Results, path: Path, options: argparse.Namespace) -> None:
    wanted = [name for name in _parts(quick=options.quick) if _is_chosen(name, options.only)]
    if terraform_version() is None:
        _say("terraform is not on PATH: aivp is measured alone")
    with tempfile.TemporaryDirectory(prefix="aivp-bench-") as name:
        folder = Path(name).resolve()
        _say(f"working in {folder}")
        if any(part not in (*ssh.PARTS, "pages", "leases", "machines") for part in wanted):
            warm(folder, _say)
        for part in wanted:
            if part in results.done:
                _say(f"{part}: kept")
                continue
            _part(part, results, folder, options)
            results.done.append(part)
            results.save(path)
            _say(f"{part}: done, kept in {path}")


def _is_chosen(part: str, chosen: list[str] | None) -> bool:
    return chosen is None or part in chosen or part.partition("/")[0] in chosen


def _parts(*, quick: bool) -> Iterator[str]:
    yield "startup"
    yield "durability"
    yield "protocol"
    yield "pages"
    yield "leases"
    yield "machines"
    yield f"chain/{CHAINS[quick]}"
    for size in QUICK if quick else ROUNDS:
        yield f"tree/{size}"
    yield from ssh.PARTS


def _part(part: str, results: Results, folder: Path, options: argparse.Namespace) -> None:
    """One part, whole: samples of a part that broke off are not kept."""
    if part == "startup":
        for command, sample in startup(folder / "startup", 10 if options.quick else 40):
            results.add(("startup", 0, command, ""), sample)
        return
    if part == "machines":
        (folder / "machines").mkdir()
        results.machines = machines.measured(folder / "machines", _say)
        return
    if part == "durability":
        counted = [count_syncs(folder, plan) for plan in PLANS]
        results.syncs = None if None in counted else [item for item in counted if item is not None]
        results.requests = count_requests(folder)
        return
    if part == "protocol":
        results.protocol = {name: measured(name) for name in ASKED}
        return
    if part == "pages":
        results.pages = pages.measured(_say)
        return
    if part == "leases":
        results.leases = leases.measured(_say)
        return
    if part in ssh.PARTS:
        ssh.measure_part(part, results, folder, options.rounds, _say, quick=options.quick)
        return
    shape, size = part.split("/")
    count = int(size)
    rounds = min(options.rounds, QUICK_ROUNDS if options.quick else ROUNDS[count] if shape == "tree" else 3)
    applies = count <= APPLIES_UP_TO
    for operation, tool, sample in compare(
        folder, shape, count, rounds, options.limit, _say, terraform_applies=applies
    ):
        results.add((shape, count, operation, tool), sample)


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
