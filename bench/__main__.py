"""`python -m bench [--quick] [-o FILE]`: all figures of one run as Markdown, with machine and method."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.durability import count_syncs, observe_requests
from bench.startup import startup
from bench.terraform import Row, compare

METHOD = """\
Every figure is a whole process, measured from outside: wall seconds, and in brackets CPU seconds and the peak memory of
the largest process, children (the runner) included. The two tools run one after the other on the same machine, on the
same tree: resource i needs resource (i−1)//10, or, in a chain, i−1. aivp's `noop` takes the runner, codec, journal,
lock and registry that `file` takes. Terraform's state for its no-op plan is written by the bench where an apply would
take too long (its apply is quadratic); applies that were not measured are marked with a dash.
"""


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to 1,000 resources only")
    parser.add_argument("-o", "--output", help="write the report there, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aivp-bench-") as name:
        text = "\n".join(_report(Path(name), options.quick))
    sys.stdout.write(text + "\n")
    if options.output:
        Path(options.output).write_text(text + "\n")


def _report(folder: Path, is_quick: bool) -> Iterator[str]:
    counts = (100, 1000) if is_quick else (100, 1000, 5000, 10000)
    yield f"# Benchmarks\n\n{METHOD}\nMachine: {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
    yield f"Python {platform.python_version()}, {_terraform_version()}.\n"
    yield "## Plan and apply\n"
    yield from _table(compare(folder, counts, 1000))
    yield "\n## Start-up\n\n| command | wall s | CPU s | against bare Python, wall and CPU |\n|---|---|---|---|"
    found = startup(folder)
    floor = found["python -c 'import json'"]
    for command, figures in found.items():
        ratios = f"{figures.wall / floor.wall:.1f}x, {figures.cpu / floor.cpu:.1f}x"
        yield f"| `{command}` | {figures.wall:.3f} | {figures.cpu:.3f} | {ratios} |"
    yield "\n## Durability and round trips\n"
    durability = count_syncs(folder, 1000)
    if durability is None:
        yield "strace is not installed: fsyncs not counted."
    else:
        yield (
            f"- Applying {durability.steps} steps in {durability.batches} batches syncs the host's journal"
            f" {durability.journal_syncs} times in all (a pair per batch, and two for opening and closing the run)."
        )
    yield f"- A plan of 100 unchanged files sends {observe_requests(folder)} observe request."


def _table(rows: Iterable[Row]) -> Iterator[str]:
    yield "| resources | operation | aivp | terraform | CPU ratio | memory ratio |\n|---|---|---|---|---|---|"
    for row in rows:
        ours, theirs = row.ours, row.theirs
        cpu = f"{theirs.cpu / ours.cpu:.1f}x less" if ours and theirs else "–"
        peak = f"{theirs.peak / ours.peak:.1f}x less" if ours and theirs else "–"
        yield f"| {row.count} ({row.shape}) | {row.operation} | {ours or '–'} | {theirs or '–'} | {cpu} | {peak} |"
        sys.stderr.write(f"{row.shape} {row.count} {row.operation}: {ours} | {theirs}\n")


def _terraform_version() -> str:
    command = shutil.which("terraform")
    if command is None:
        return "terraform is absent: its columns are empty"
    done = subprocess.run([command, "version"], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0]


if __name__ == "__main__":
    main()
