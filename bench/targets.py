"""What is promised, what was measured, and whether it holds."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from bench import leases, machines, pages
from bench.durability import Syncs
from bench.fit import growth
from bench.measure import Sample
from bench.promise import Ratio, Target, ratio
from bench.protocol import DEADLINE, over_json
from bench.results import Results
from bench.ssh import report as ssh
from bench.startup import COMMANDS, FLOOR, INSTALLED, PARTS, VALIDATE

LARGE = 10_000
LINEAR = 1.15
CPU, MEMORY = 6, 2
BAD_MEMORY, BAD_SECONDS = 64, 5
STARTS = {"aivp --version": 3, "aivp --help": 4}
HELP = 4


def targets(results: Results) -> list[Target]:
    """Every promise in the order of the report."""
    return [
        *_against_terraform(results),
        *_linear(results),
        *_durability(results),
        *_starts(results),
        *_protocol(results),
        *pages.targets(results.pages),
        *leases.targets(results.leases),
        *(machines.targets(results.machines) if results.machines else ()),
        *ssh.targets(results),
    ]


def _against_terraform(results: Results) -> Iterator[Target]:
    for operation in ("plan", "no-op plan"):
        theirs = results.of("tree", LARGE, operation, "terraform")
        ours = results.of("tree", LARGE, operation, "aivp")
        for figure, what, bound in (("cpu", "CPU seconds", CPU), ("peak", "memory", MEMORY)):
            found = ratio(theirs, ours, figure)
            promise = f"{operation} of {LARGE:,}: terraform's {what} over aivp's"
            yield _at_least(promise, bound, found)


def _linear(results: Results) -> Iterator[Target]:
    for operation in ("plan", "apply", "no-op plan"):
        found = growth(results.costs("tree", operation, "aivp"))
        promise = f"aivp's {operation} is linear: exponent of CPU seconds in resources"
        if found is None:
            yield Target(promise, f"at most {LINEAR}", "not measured", None)
        else:
            over = f"{found.exponent:.2f} over {min(found.sizes):,} to {max(found.sizes):,}"
            yield Target(promise, f"at most {LINEAR}", over, found.exponent <= LINEAR)


def _durability(results: Results) -> Iterator[Target]:
    observes = results.requests.get("observe")
    said = "not measured" if observes is None else str(observes)
    promise = "requests that ask providers about 100 unchanged files"
    yield Target(promise, "1", said, None if observes is None else observes == 1)
    promise = "fsyncs of the journal for each batch of steps that may run together"
    if not results.syncs:
        yield Target(promise, "at most 2", "not measured", None)
        return
    worst = max(per_batch(results.syncs))
    yield Target(promise, "at most 2", f"{worst:.2f} in the worst of {len(results.syncs)} plans", worst <= 2)


def per_batch(syncs: Sequence[Syncs]) -> list[float]:
    """Journal fsyncs of each plan by batch, without those of opening and ending a run: what one step has beyond two."""
    own = next(item.journal for item in syncs if item.steps == 1) - 2
    return [(item.journal - own) / item.batches for item in syncs]


def _starts(results: Results) -> Iterator[Target]:
    others = [name for name in COMMANDS if name.endswith("--help") and name not in STARTS and _start(results, name)]
    for before in ("", INSTALLED) if _start(results, INSTALLED + FLOOR) else ("",):
        bounds = STARTS if before else {**STARTS, **dict.fromkeys(others, HELP)}
        floor = _start(results, before + FLOOR)
        for command, bound in bounds.items():
            found = ratio(_start(results, before + command), floor, "wall")
            promise = f"`{before}{command}` over `{FLOOR}`, in time"
            if found is None:
                yield Target(promise, f"at most {bound}", "not measured", None)
            else:
                yield Target(promise, f"at most {bound}", str(found), found.value <= bound)
        yield _validate(results, before)


def _validate(results: Results, before: str) -> Target:
    """What `--help` may take, and importing what validate needs beyond the floor."""
    promise = f"`{before}{VALIDATE}` of a small project: milliseconds"
    samples = [_start(results, before + name) for name in (VALIDATE, FLOOR, PARTS)]
    if not all(samples):
        return Target(promise, f"at most {HELP} floors and its parts", "not measured", None)
    took, floor, parts = (statistics.median(item.wall for item in found) * 1000 for found in samples)
    bound = HELP * floor + parts - floor
    return Target(promise, f"at most {bound:.0f} ({HELP} floors and its parts)", f"{took:.0f}", took <= bound)


def _start(results: Results, command: str) -> Sequence[Sample]:
    return results.of("startup", 0, command, "")


def _protocol(results: Results) -> Iterator[Target]:
    promises = (
        f"CPU seconds of both sides for {LARGE:,} resources through the provider protocol, over its mere JSON",
        "the caller's memory for them, over that of the same messages as objects",
        "memory that the worst of the bad providers costs its caller",
        "time of the slowest of them beyond its deadline",
    )
    bounds = ("at most 3", "at most 2", f"at most {BAD_MEMORY} MiB", f"at most {BAD_SECONDS} s")
    bad = {name: found for name, found in results.protocol.items() if name != "batch"}
    if "batch" not in results.protocol or not bad:
        yield from (Target(one, bound, "not measured", None) for one, bound in zip(promises, bounds, strict=True))
        return
    batch = results.protocol["batch"]
    cpu, memory = over_json(batch), batch["grown"] / batch["objects"]
    grown = max((found["grown"] / 2**20, name) for name, found in bad.items())
    late = max((found["seconds"] - DEADLINE, name) for name, found in bad.items())
    yield Target(promises[0], bounds[0], f"{cpu:.1f}", cpu <= 3)
    yield Target(promises[1], bounds[1], f"{memory:.1f}", memory <= 2)
    yield Target(promises[2], bounds[2], f"{grown[0]:.0f} MiB ({grown[1]})", grown[0] <= BAD_MEMORY)
    yield Target(promises[3], bounds[3], f"{late[0]:.1f} s ({late[1]})", late[0] <= BAD_SECONDS)


def _at_least(promise: str, bound: int, found: Ratio | None) -> Target:
    if found is None:
        return Target(promise, f"at least {bound}", "not measured", None)
    return Target(promise, f"at least {bound}", str(found), found.value >= bound)
