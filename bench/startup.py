"""How long a command takes before it does anything, beside a bare Python that imports json."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import aivp.cli.commands
from bench.measure import AIVP, Sample, measure

FLOOR = "python -c 'import json'"
COMMANDS = {
    FLOOR: [sys.executable, "-c", "import json"],
    "aivp --version": [AIVP, "--version"],
    "aivp --help": [AIVP, "--help"],
    **{f"aivp {name} --help": [AIVP, name, "--help"] for name in aivp.cli.commands.COMMANDS},
}


def startup(folder: Path, rounds: int) -> Iterator[tuple[str, Sample]]:
    """(command, sample): all in turn, `rounds` times, after one turn that is thrown away.

    The floor is the interpreter of aivp's own environment, which looks at the same site-packages.
    """
    folder.mkdir(parents=True)
    for number in range(rounds + 1):
        for name, argv in COMMANDS.items():
            sample = measure(argv, folder, interval=1)  # nobody looks at memory while it runs: it takes milliseconds
            if number > 0:
                yield name, sample
