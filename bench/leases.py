"""Leases of a network: fifty guests ask at once, and give back at once; what two of them share is a mistake.

Each mode is measured by `python -m bench.leases MODE`, which prints JSON; one with a bridge in a network namespace that
goes with it. The machine's own network takes no part.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.promise import Target
from bench.table import table

GUESTS = 50
MODES = ("user", "nat")

Figures = dict[str, float]
"""`MODE attach`, `MODE detach`: seconds; `MODE twice`: values that two guests have; `MODE left`: what is left."""


def measured(say: Callable[[str], None]) -> Figures:
    """All figures of this part; of a mode that cannot be had here, none."""
    found: Figures = {}
    for mode in MODES:
        argv = [sys.executable, "-m", "bench.leases", mode]
        if mode != "user":
            if os.geteuid() != 0 or shutil.which("nft") is None:
                say(f"leases in mode {mode} are not measured: that needs root and nft")
                continue
            argv = ["unshare", "--net", *argv]
        done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parents[1])
        found |= {f"{mode} {name}": value for name, value in json.loads(done.stdout).items()}
    return found


def targets(figures: Figures) -> list[Target]:
    """What issue 7 asks for."""
    promises = {"twice": "asked for at once: addresses and MACs that two have", "left": "given back at once: leftovers"}
    return [
        _target(f"mode {mode}, {GUESTS} leases {promise}", figures.get(f"{mode} {name}"))
        for mode in MODES
        for name, promise in promises.items()
    ]


def _target(promise: str, value: float | None) -> Target:
    return Target(
        promise, "0", "not measured" if value is None else f"{value:.0f}", None if value is None else value == 0
    )


def section(figures: Figures) -> Iterator[str]:
    """How long it takes until all have theirs."""
    rows = [
        [mode, *(f"{figures[f'{mode} {name}']:.2f}" for name in ("attach", "detach"))]
        for mode in MODES
        if f"{mode} attach" in figures
    ]
    yield from table([f"mode, {GUESTS} guests at once", "until all have a lease, s", "until none has, s"], rows)


def measure(mode: str) -> Figures:
    """One mode, in whatever namespace this process is."""
    from aivp_network.provider import PROVIDER
    from aivp_sdk.testing import Harness

    config = {"name": "bench", "cidr": "10.77.0.0/24", "cidr6": "auto", "mode": mode}
    folder = tempfile.mkdtemp(prefix="aivp-bench-")
    try:
        with Harness(PROVIDER, {"folder": folder}) as harness:
            before = _links()
            program = f"{harness.create('network', config).outputs['path']}/port.py"
            attach, leases = _all_at_once(program, [["attach", f"vm-{number}", "0"] for number in range(GUESTS)])
            detach, _ = _all_at_once(program, [["detach", f"vm-{number}"] for number in range(GUESTS)])
            harness.delete("network", config)
            left = len(os.listdir(folder)) + len(_links() ^ before)
    finally:
        shutil.rmtree(folder)
    twice = sum(GUESTS - len({lease[name] for lease in leases}) for name in ("address", "address6", "mac"))
    return {"attach": attach, "detach": detach, "twice": twice, "left": left}


def _all_at_once(program: str, verbs: Sequence[Sequence[str]]) -> tuple[float, list[dict[str, Any]]]:
    """Seconds until the last has ended, and what each said."""
    began = time.monotonic()
    started = [
        subprocess.Popen([sys.executable, "-I", program, *verb], stdout=subprocess.PIPE, text=True) for verb in verbs
    ]
    said = [process.communicate()[0] for process in started]
    return time.monotonic() - began, [json.loads(text) for text in said]


def _links() -> set[str]:
    with open("/proc/net/dev") as file:
        return {line.partition(":")[0].strip() for line in list(file)[2:]}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1])) + "\n")
