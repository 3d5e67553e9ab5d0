"""How long commands take that have nothing to do but to answer, against a bare Python that imports json.

Targets: 3 times as long for `--version`, 4 times for every `--help`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aivp.cli.commands import COMMANDS
from bench.measure import Figures, measure, median
from bench.terraform import AIVP


def startup(folder: Path) -> dict[str, Figures]:
    """By what was started; 15 rounds after one that warms the caches, so that whatever else runs meets all alike."""
    commands = {
        "python -c 'import json'": [sys.executable, "-c", "import json"],
        "aivp --version": [AIVP, "--version"],
        "aivp --help": [AIVP, "--help"],
        **{f"aivp {name} --help": [AIVP, name, "--help"] for name in COMMANDS},
    }
    rounds = [{name: measure(argv, folder) for name, argv in commands.items()} for _ in range(16)][1:]
    return {name: median([found[name] for found in rounds]) for name in commands}
