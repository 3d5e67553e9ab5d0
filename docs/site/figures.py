"""docs/benchmarks.json → the few figures that the README shows. What was not measured is a dash."""

from __future__ import annotations

import statistics
from pathlib import Path

from bench.results import Results, load
from docs.site.markdown import table

BEGIN = "<!-- figures: written from docs/benchmarks.json by `make docs-update` -->"
END = "<!-- end of figures -->"
_HOSTS = {"ssh/1x100": "1 host × 100 files", "ssh/10x20": "10 hosts × 20 files"}
_PEERS = {"aivp": "aivp", "ansible, mitogen": "Ansible with mitogen", "pyinfra": "pyinfra", "floor": "floor"}


def with_figures(readme: str, measured: Path) -> str:
    """The README with today's figures between its two markers."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{_figures(load(measured))}{END}{after}"


def _figures(results: Results) -> str:
    hosts = [
        (f"{name}, {operation}", *(_wall(results, part, operation, tool) for tool in _PEERS))
        for part, name in _HOSTS.items()
        for operation in ("from empty", "no-op")
    ]
    trees = [
        (
            f"{operation} of {size:,}",
            _cost(results, size, operation, "aivp"),
            _cost(results, size, operation, "terraform"),
        )
        for operation, size in (("plan", 100), ("plan", 10_000), ("no-op plan", 10_000), ("apply", 2_000))
    ]
    over_ssh = table(("over SSH, wall seconds", *_PEERS.values()), hosts)
    return f"{over_ssh}\n{table(('inert resources, CPU seconds · MiB', 'aivp', 'terraform'), trees)}"


def _wall(results: Results, part: str, operation: str, tool: str) -> str:
    found = [
        sample.wall
        for key, samples in results.samples.items()
        if (key[0], key[2], key[3]) == (part, operation, tool)
        for sample in samples
        if not sample.is_stopped
    ]
    return f"{statistics.median(found):.1f}" if found else "–"


def _cost(results: Results, size: int, operation: str, tool: str) -> str:
    found = [sample for sample in results.of("tree", size, operation, tool) if not sample.is_stopped]
    if not found:
        return "–"
    peak = statistics.median(sample.peak for sample in found) / 2**20
    return f"{statistics.median(sample.cpu for sample in found):.1f} · {peak:.0f}"
