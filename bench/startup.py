"""How long a command takes before it does anything, against a bare Python that imports json."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.measure import Figures, measure
from bench.terraform import AIVP


def startup(folder: Path) -> dict[str, Figures]:
    """By what was started; 15 runs each, after one that warms the caches."""
    commands = {
        "python -c 'import json'": [sys.executable, "-c", "import json"],
        "aivp --version": [AIVP, "--version"],
        "aivp --help": [AIVP, "--help"],
    }
    for argv in commands.values():
        measure(argv, folder)
    return {name: measure(argv, folder, runs=15) for name, argv in commands.items()}
