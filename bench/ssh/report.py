"""Results over SSH → their targets and their section of the report. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from bench.fit import growth
from bench.measure import Sample
from bench.promise import Ratio, Target, ratio
from bench.results import Results
from bench.ssh.fleet import FILES
from bench.ssh.fleet import OPERATIONS as FLEET
from bench.ssh.latency import DELAYS, trips
from bench.ssh.parts import MATRIX, OURS, PARTS
from bench.ssh.tools import OPERATIONS
from bench.table import seconds, spread, table

ABOVE_FLOOR, FASTER, TRIPS, MEMORY, LINEAR = 2, 10, 3, 1024, 1.15
RIVALS = ("pyinfra", "ansible, mitogen")
TOOLS = ("floor", "aivp", "aivp, empty cache", *RIVALS, "ansible, pipelining", "ansible")
PROMISED = {"ssh/1x100": OPERATIONS, "ssh/10x20": ("from empty", "no-op")}


def targets(results: Results) -> Iterator[Target]:
    """What is promised of hosts over SSH; nothing where nobody has tried to measure it."""
    if not results.ssh:
        return
    for part, operations in PROMISED.items():
        hosts, count = MATRIX[part]
        for operation in operations:
            found = ratio(_cell(results, part, operation, "aivp"), _cell(results, part, operation, "floor"), "wall")
            promise = f"SSH, {_size(hosts, count)}, {operation}: aivp's time over the floor's"
            yield _bounded(promise, f"at most {ABOVE_FLOOR}", found, found is not None and found.value <= ABOVE_FLOOR)
    for rival in RIVALS:
        for operation in OPERATIONS:
            cells = [_cell(results, "ssh/1x100", operation, tool) for tool in (rival, "aivp")]
            found = ratio(cells[0], cells[1], "wall")
            promise = f"SSH, {_size(1, 100)}, {operation}: time of {rival} over aivp's"
            yield _bounded(promise, f"at least {FASTER}", found, found is not None and found.value >= FASTER)
    more = _more_trips(results)
    promise = f"round trips of a plan of 100 resources beyond the floor's, from {DELAYS[1]} ms of delay"
    yield _bounded(
        promise, f"at most {TRIPS}", None if more is None else f"{more:.1f}", more is not None and more <= TRIPS
    )
    peak = max(
        (item.peak / 2**20 for name in FLEET for item in results.of("ssh/fleet", 200, name, "aivp")), default=None
    )
    promise = f"memory for 200 hosts × {FILES} resources, of the controller's processes together"
    met = peak is not None and peak < MEMORY
    yield _bounded(promise, f"under {MEMORY} MiB", None if peak is None else f"{peak:.0f} MiB", met)
    for operation in FLEET:
        fit = growth(results.costs("ssh/fleet", operation, "aivp"))
        promise = f"{operation} of many hosts is linear: exponent of the controller's CPU seconds in hosts"
        said = None if fit is None else f"{fit.exponent:.2f} over {min(fit.sizes)} to {max(fit.sizes)}"
        yield _bounded(promise, f"at most {LINEAR}", said, fit is not None and fit.exponent <= LINEAR)


def section(results: Results) -> Iterator[str]:
    """Below its heading; empty where none of it was measured."""
    if results.ssh.get("missing"):
        yield f"Not measured: {results.ssh['missing']}."
    if not any(part in results.done for part in PARTS):
        return
    yield from _where(results)
    for part, (hosts, count) in MATRIX.items():
        if results.sizes(part):
            yield f"\n**{_size(hosts, count)}**: wall s, median (least) [CPU s of the controller], times the floor's.\n"
            yield from _matrix(results, part)
    if results.sizes("ssh/latency"):
        yield "\n**Distance**: a plan of 100 files from empty.\n"
        yield from _distance(results)
    if results.sizes("ssh/fleet"):
        yield f"\n**Many hosts**, {FILES} files on each, 10 at once:\n"
        yield from _many(results)


def _where(results: Results) -> Iterator[str]:
    machine, loads = results.ssh["machine"], results.ssh.get("load", {})
    busy = ", ".join(f"{part.partition('/')[2]} {low} to {high}" for part, (low, high) in loads.items())
    peers = ", ".join(f"{name} {version}" for name, version in results.ssh.get("peers", {}).items())
    yield f"Begun {results.ssh['began']}, aivp {machine['aivp']}, Python {machine['Python']}, {machine['OpenSSH']}."
    yield f"Load (2 cores would be busy at 2): {busy}."
    if results.ssh.get("without"):
        yield f"Without {peers}: {results.ssh['without']}."
    elif peers:
        yield f"Beside {peers}."


def _matrix(results: Results, part: str) -> Iterator[str]:
    rows = []
    for tool in TOOLS:
        cells = [_cell(results, part, operation, tool) for operation in OPERATIONS]
        if not any(cells):
            continue
        shown = [str(max(map(len, cells)))]
        for operation, cell in zip(OPERATIONS, cells, strict=True):
            above = ratio(cell, _cell(results, part, operation, "floor"), "wall")
            times = "" if above is None or tool == "floor" else f" {above.value:.1f} ×"
            shown.append(
                f"{seconds(cell, 'wall')} [{statistics.median(item.cpu for item in cell):.1f}]{times}" if cell else "–"
            )
        rows.append([tool, *shown])
    yield from table(["tool", "rounds", *OPERATIONS], rows)


def _distance(results: Results) -> Iterator[str]:
    rows = []
    for tool in OURS:
        near, far = (results.of("ssh/latency", delay, "plan", tool) for delay in DELAYS)
        turns = results.ssh.get("turns", {}).get(tool, [])
        counted = spread([float(item) for item in turns], lambda value: f"{value:.0f}")
        rows.append([tool, seconds(near, "wall"), seconds(far, "wall"), f"{trips(near, far):.1f}", counted])
    head = ["tool", "s at 0 ms", f"s at {DELAYS[1]} ms", "round trips, from the difference", "turns of its packets"]
    yield from table(head, rows)


def _many(results: Results) -> Iterator[str]:
    rows = []
    for size in results.sizes("ssh/fleet"):
        for operation in FLEET:
            found = results.of("ssh/fleet", size, operation, "aivp")
            peak = spread([item.peak / 2**20 for item in found], lambda value: f"{value:.0f}")
            rows.append([str(size), operation, seconds(found, "wall"), seconds(found, "cpu"), peak])
    yield from table(["hosts", "operation", "wall s", "CPU s", "MiB"], rows)


def _more_trips(results: Results) -> float | None:
    cells = {tool: [results.of("ssh/latency", delay, "plan", tool) for delay in DELAYS] for tool in OURS}
    if not all(samples for pair in cells.values() for samples in pair):
        return None
    return trips(*cells["aivp"]) - trips(*cells["floor"])


def _cell(results: Results, part: str, operation: str, tool: str) -> Sequence[Sample]:
    hosts, count = MATRIX[part]
    return results.of(part, hosts * count, operation, tool)


def _bounded(promise: str, bound: str, found: Ratio | str | None, is_met: bool) -> Target:
    return Target(promise, bound, "not measured" if found is None else str(found), None if found is None else is_met)


def _size(hosts: int, count: int) -> str:
    return f"{hosts} host{'s' if hosts > 1 else ''} × {count} files"
