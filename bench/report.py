"""Results → the Markdown that a run prints and that docs/benchmarks.md holds between its two markers. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from bench import leases, machines, pages
from bench.fit import growth
from bench.measure import Sample
from bench.promise import Ratio, ratio
from bench.results import Results
from bench.sides import OPERATIONS
from bench.ssh.report import section
from bench.startup import COMMANDS, FLOOR
from bench.table import seconds, spread, table
from bench.targets import LARGE, per_batch, targets

BEGIN = "<!-- results: python -m bench --docs writes what follows from docs/benchmarks.json -->"
END = "<!-- end of results -->"
TOOLS = ("aivp", "terraform")


def report(results: Results) -> str:
    """Everything of one run, without a closing newline."""
    return "\n".join(_sections(results))


def placed(document: str, text: str) -> str:
    """`document` with `text` between the markers. Raises ValueError where they are not there."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the document has lost its markers")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def _sections(results: Results) -> Iterator[str]:
    yield "### Targets\n"
    yield from table(
        ["promise", "bound", "measured", "met"],
        ([item.promise, item.bound, item.measured, _yes(item.is_met)] for item in targets(results)),
    )
    yield "\n### Machine\n"
    yield from table(["", ""], ([name, text] for name, text in results.machine.items()))
    busy = "" if results.load is None else f", at a load of {results.load}"
    yield f"\nBegun {results.began}{busy}."
    for part in ("tree", "chain"):
        if results.sizes(part):
            yield f"\n### A {part}\n"
            yield from _comparison(results, part)
    if results.sizes("tree"):
        yield "\n### How cost grows\n"
        yield from _growth(results)
    if results.sizes("startup"):
        yield "\n### Starting up\n"
        yield from _startup(results)
    if "durability" in results.done:
        yield "\n### Durability and round trips\n"
        yield from _durability(results)
    if results.protocol:
        yield "\n### The provider protocol\n"
        yield from _protocol(results)
    if results.pages:
        yield "\n### Pages and pictures\n"
        yield from _pages(results)
    if results.leases:
        yield "\n### Leases of networks\n"
        yield from leases.section(results.leases)
    if results.machines:
        yield "\n### Virtual machines\n"
        yield from machines.section(results.machines)
    if results.ssh:
        yield "\n### Hosts over SSH\n"
        yield from section(results)


def _comparison(results: Results, part: str) -> Iterator[str]:
    head = ["resources", "operation", "CPU s, aivp", "terraform", "ratio", "wall s, aivp", "terraform"]
    rows = []
    for size in results.sizes(part):
        for operation in OPERATIONS:
            ours, theirs = (results.of(part, size, operation, tool) for tool in TOOLS)
            rows.append(
                [
                    f"{size:,}",
                    operation,
                    *(seconds(side, "cpu") for side in (ours, theirs)),
                    _ratio(ratio(theirs, ours, "cpu")),
                    *(seconds(side, "wall") for side in (ours, theirs)),
                    *(_memory(side) for side in (ours, theirs)),
                    _ratio(ratio(theirs, ours, "peak")),
                ]
            )
    yield from table([*head, "MiB, aivp", "terraform", "ratio"], rows)
    if any(item.is_stopped for key, samples in results.samples.items() if key[0] == part for item in samples):
        yield f"\n`>`: stopped after {results.limit:.0f} s of wall time, unfinished."


def _growth(results: Results) -> Iterator[str]:
    rows = []
    for operation in OPERATIONS:
        cells = []
        for tool in TOOLS:
            found = growth(results.costs("tree", operation, tool))
            cells.append("–" if found is None else f"{found.exponent:.2f} ({', '.join(f'{n:,}' for n in found.sizes)})")
        rows.append([operation, *cells])
    yield from table(["exponent of", *TOOLS], rows)
    theirs = growth(results.costs("tree", "apply", "terraform"))
    if theirs is not None and LARGE not in results.costs("tree", "apply", "terraform"):
        yield (
            f"\nterraform's apply of {LARGE:,} is not run: its fit foretells about {theirs.at(LARGE):,.0f} s of CPU."
        )


def _startup(results: Results) -> Iterator[str]:
    floor = results.of("startup", 0, FLOOR, "")
    rows = []
    for command in COMMANDS:
        found = results.of("startup", 0, command, "")
        if not found:
            continue
        walls = [item.wall * 1000 for item in found]
        rows.append(
            [
                f"`{command}`",
                f"{statistics.median(walls):.1f}",
                f"{min(walls):.1f}",
                _ratio(ratio(found, floor, "wall")),
                f"{min(walls) / min(item.wall * 1000 for item in floor):.1f}",
            ]
        )
    yield from table(["command", "median ms", "least ms", "ratio to the first", "ratio of the least"], rows)
    yield f"\n{len(floor)} turns."


def _durability(results: Results) -> Iterator[str]:
    if results.syncs is None:
        yield "fsyncs were not counted: there is no strace here, or it may not trace.\n"
    else:
        rows = (
            [s.plan, s.steps, s.batches, s.journal, f"{each:.2f}", s.state, s.effects, s.other]
            for s, each in zip(results.syncs, per_batch(results.syncs), strict=True)
        )
        head = ["apply of", "steps", "batches", "journal", "for each batch", "state", "effects", "other"]
        yield from table(head, ([str(cell) for cell in row] for row in rows))
        yield ""
    said = ", ".join(f"{count} × `{method}`" for method, count in sorted(results.requests.items()))
    yield f"A plan of 100 unchanged files sends: {said}."


def _protocol(results: Results) -> Iterator[str]:
    batch = results.protocol["batch"]
    seconds = ", ".join(f"{batch[name]:.3f} of the {name}" for name in ("caller", "provider", "floor"))
    memory = " and ".join(f"{batch[name] / 2**20:.0f} ({name})" for name in ("grown", "objects"))
    yield f"{LARGE:,} resources in one request: CPU s {seconds}; MiB {memory}.\n"
    bad = [(name, found) for name, found in results.protocol.items() if name != "batch"]
    rows = ([f"`{name}`", f"{found['grown'] / 2**20:.0f}", f"{found['seconds']:.1f}"] for name, found in bad)
    yield from table(["bad provider", "MiB of the caller", "s"], rows)


def _pages(results: Results) -> Iterator[str]:
    """Medians of a few rounds."""
    said = {
        "page": f"writing the page of a plan of {pages.STEPS:,} steps",
        "open": "opening it in Chromium until it is painted",
        "filter": "filtering it until it is painted",
        "svg": f"drawing {pages.RESOURCES} resources as SVG, folded",
        "svg whole": "the same, each resource with a box of its own",
    }
    found = results.pages
    yield from table(["", "s"], ([words, f"{found[name]:.2f}"] for name, words in said.items() if name in found))
    yield f"\nThe page has {found['bytes'] / 1e6:.1f} MB."


def _memory(samples: Sequence[Sample]) -> str:
    return spread([item.peak / 2**20 for item in samples if not item.is_stopped], lambda value: f"{value:.0f}")


def _ratio(found: Ratio | None) -> str:
    return "–" if found is None else str(found)


def _yes(is_met: bool | None) -> str:
    return "–" if is_met is None else "yes" if is_met else "**no**"
