"""What one run has measured so far, as raw samples: kept on disk part by part, so that a broken run can be resumed."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from aivp_contract.values import Json

from bench.durability import Syncs
from bench.measure import Sample

FORMAT = 1
Key = tuple[str, int, str, str]
"""(tree, chain, startup or a part of ssh; resources, or what else grows; operation or command; tool)."""


@dataclass
class Results:
    """`done`: the parts that are complete; requests: method → count for 100 unchanged files.

    syncs is None where nobody could count them; limit: seconds after which terraform's apply was stopped; load: how
    many others wanted a core when the run began, None where nobody looked.
    """

    machine: Mapping[str, str]
    began: str
    limit: float
    load: float | None = None
    samples: dict[Key, list[Sample]] = field(default_factory=dict)
    syncs: list[Syncs] | None = None
    requests: dict[str, int] = field(default_factory=dict)
    protocol: dict[str, Mapping[str, float]] = field(default_factory=dict)
    """`batch`, or a bad provider → what `bench.protocol` measured."""
    done: list[str] = field(default_factory=list)
    pages: dict[str, float] = field(default_factory=dict)
    """What `bench.pages` measured; empty where it did not."""
    leases: dict[str, float] = field(default_factory=dict)
    """What `bench.leases` measured; empty where it did not."""
    machines: dict[str, list[float]] = field(default_factory=dict)
    """What `bench.machines` measured, round by round; empty where it did not."""
    ssh: dict[str, Json] = field(default_factory=dict)
    """About the parts that need hosts over SSH, which may be measured by themselves: `bench.ssh.parts` says what."""

    def add(self, key: Key, sample: Sample) -> None:
        """One more execution."""
        self.samples.setdefault(key, []).append(sample)

    def of(self, part: str, size: int, operation: str, tool: str) -> Sequence[Sample]:
        """The executions of one cell, in order; empty where there were none."""
        return self.samples.get((part, size, operation, tool), ())

    def sizes(self, part: str) -> list[int]:
        """How many resources `part` was measured with, ascending."""
        return sorted({key[1] for key in self.samples if key[0] == part})

    def costs(self, part: str, operation: str, tool: str) -> dict[int, float]:
        """Size → median CPU seconds of the executions that came to their end."""
        found = {}
        for size in self.sizes(part):
            ended = [item.cpu for item in self.of(part, size, operation, tool) if not item.is_stopped]
            if ended:
                found[size] = statistics.median(ended)
        return found

    def take(self, newer: Results) -> None:
        """Put the parts of another run in the place of ours; those that it has not stay."""
        parts = {_part(key) for key in newer.samples} | set(newer.done)
        self.samples = {key: found for key, found in self.samples.items() if _part(key) not in parts} | newer.samples
        self.done = [*(part for part in self.done if part not in parts), *newer.done]
        loads = {**self.ssh.get("load", {}), **newer.ssh.get("load", {})}
        self.ssh = {**self.ssh, **newer.ssh, "load": loads} if newer.ssh else self.ssh
        self.protocol = newer.protocol or self.protocol
        self.pages = newer.pages or self.pages
        self.leases = newer.leases or self.leases
        self.machines = newer.machines or self.machines
        if "durability" in newer.done:
            self.syncs, self.requests = newer.syncs, newer.requests

    def save(self, path: Path) -> None:
        """Write everything; whoever reads meanwhile sees the old or the new."""
        form = {
            "format": FORMAT,
            "began": self.began,
            "machine": dict(self.machine),
            "limit": self.limit,
            "load": self.load,
            "done": self.done,
            "samples": [
                {**dict(zip(("part", "size", "operation", "tool"), key, strict=True)), **_rounded(sample)}
                for key, samples in self.samples.items()
                for sample in samples
            ],
            "syncs": None if self.syncs is None else [asdict(item) for item in self.syncs],
            "requests": self.requests,
            "protocol": {name: dict(found) for name, found in self.protocol.items()},
            "pages": self.pages,
            "leases": self.leases,
            "machines": {name: [round(one, 4) for one in found] for name, found in self.machines.items()},
            "ssh": self.ssh,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.write_text(json.dumps(form, indent=1) + "\n")
        new.replace(path)


def load(path: Path) -> Results:
    """The reverse of `save`. Raises ValueError on another format."""
    form = json.loads(path.read_text())
    if form.get("format") != FORMAT:
        raise ValueError(f"{path} is not of format {FORMAT}")
    syncs = None if form["syncs"] is None else [Syncs(**item) for item in form["syncs"]]
    results = Results(
        form["machine"],
        form["began"],
        form["limit"],
        form.get("load"),
        syncs=syncs,
        requests=form["requests"],
        protocol=form.get("protocol", {}),
        done=form["done"],
        pages=form.get("pages", {}),
        leases=form.get("leases", {}),
        machines=form.get("machines", {}),
        ssh=form.get("ssh", {}),
    )
    for item in form["samples"]:
        key = (item.pop("part"), item.pop("size"), item.pop("operation"), item.pop("tool"))
        results.add(key, Sample(**item))
    return results


def _part(key: Key) -> str:
    """The name under which the samples of a cell are measured."""
    return f"{key[0]}/{key[1]}" if key[0] in ("tree", "chain") else key[0]


def _rounded(sample: Sample) -> dict[str, object]:
    return {**asdict(sample), "cpu": round(sample.cpu, 4), "wall": round(sample.wall, 4)}
