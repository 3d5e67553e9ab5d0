"""All tools on the same files and hosts, operation by operation; what they did is checked from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bench.measure import Sample, measure
from bench.ssh.site import Site, is_written
from bench.ssh.tools import OPERATIONS, Tool

FEW = 3
"""Who takes part in no more rounds than these needs minutes for each, and no round before to be warm."""

LINGER = 1.0
"""Seconds that a connection which a tool leaves behind may stay: none is to find the one of an earlier command."""


def compare(
    site: Site, tools: Sequence[Tool], count: int, rounds: int, note: Callable[[str], None]
) -> Iterator[tuple[str, str, Sample]]:
    """(operation, tool, sample) of every execution.

    After one round that is thrown away, but for those that take part in few. A round starts from nothing. Who comes
    first goes round, so that nobody has the quieter minute.
    """
    for tool in tools:
        tool.prepare()
    for number in range(-1, rounds):
        present = [tool for tool in tools if (tool.most > FEW if number < 0 else number < tool.most)]
        shift = number % len(present) if present else 0
        for tool in [*present[shift:], *present[:shift]]:
            for operation, sample in _round(site, tool, count):
                note(f"{tool.name}, {len(site.hosts)} × {count}: {operation} {sample.wall:.2f} s")
                if number >= 0:
                    yield operation, tool.name, sample


def _round(site: Site, tool: Tool, count: int) -> Iterator[tuple[str, Sample]]:
    tool.reset()
    seen: list[str] = []
    for operation in OPERATIONS:
        tool.before()
        argv = [*site.network.argv, *tool.argv(operation)]
        sample = measure(argv, tool.folder, extra=tool.environment, linger=LINGER)
        before, seen = seen, site.look(tool.place)
        if operation == "dry run" and any(seen):
            raise RuntimeError(f"{tool.name}'s dry run has written something")
        if operation != "dry run" and not all(is_written(found, count) for found in seen):
            raise RuntimeError(f"{tool.name} did not write what was declared: {seen[0][:500]}")
        if operation == "no-op" and seen != before:
            raise RuntimeError(f"{tool.name} wrote anew what was there")
        yield operation, sample
