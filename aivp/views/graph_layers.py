"""Names and arrows between them → in which column each stands, and in which row of it: the layered layout of one host.

Columns are longest paths; rows follow the barycentre of what is linked (Sugiyama's way), and their places the least
squares of the slopes. Same input, same result; cycles are allowed, since folding may make some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

SWEEPS = 6
"""Passes over all columns, forth and back: later ones changed nothing in the graphs that were looked at."""

Link = tuple[str, str]


def layers(names: Sequence[str], links: Sequence[Link]) -> dict[str, int]:
    """Each name's column: one behind the last of what it waits for. Inside a cycle the smallest name goes first."""
    after: dict[str, set[str]] = {name: set() for name in names}
    missing: dict[str, int] = dict.fromkeys(names, 0)
    for before, then in links:
        if before in after and then in after and before != then and then not in after[before]:
            after[before].add(then)
            missing[then] += 1
    column = dict.fromkeys(names, 0)
    ready = sorted((name for name in names if missing[name] == 0), reverse=True)
    left = set(names)
    waiting = iter(sorted(names))
    while left:
        if not ready:
            ready = [next(name for name in waiting if name in left)]
        name = ready.pop()
        left.discard(name)
        for then in sorted(after[name] & left):
            column[then] = max(column[then], column[name] + 1)
            missing[then] -= 1
            if missing[then] == 0:
                ready.append(then)
    return column


def rows(columns: Sequence[Sequence[str]], links: Sequence[Link]) -> list[list[str]]:
    """The same columns, each ordered so that few links between neighbouring columns cross."""
    order = [list(column) for column in columns]
    before, after = _neighbours(links)
    best, fewest = [list(column) for column in order], _crossings(order, after)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        forth = sweep % 2 == 0
        indexes = range(1, len(order)) if forth else range(len(order) - 2, -1, -1)
        for index in indexes:
            fixed = {name: place for place, name in enumerate(order[index - 1 if forth else index + 1])}
            order[index] = _by_barycentre(order[index], before if forth else after, fixed)
        if (found := _crossings(order, after)) < fewest:
            best, fewest = [list(column) for column in order], found
    return best


def places(columns: Sequence[Sequence[str]], links: Sequence[Link], heights: Mapping[str, float]) -> dict[str, float]:
    """The upper edge of each name, from 0: in the order given, none over another, near the middle of its neighbours."""
    before, after = _neighbours(links)
    middle: dict[str, float] = {}
    for column in columns:
        top = 0.0
        for name in column:
            middle[name] = top + heights[name] / 2
            top += heights[name]
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        for column in columns if forth else reversed(columns):
            wanted = [_mean(before if forth else after, name, middle) for name in column]
            middle |= zip(column, _spread(wanted, [heights[name] for name in column]), strict=True)
    least = min((middle[name] - heights[name] / 2 for name in middle), default=0)
    return {name: middle[name] - heights[name] / 2 - least for name in middle}


def _neighbours(links: Sequence[Link]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for first, then in links:
        before.setdefault(then, []).append(first)
        after.setdefault(first, []).append(then)
    return before, after


def _by_barycentre(column: list[str], near: Mapping[str, list[str]], fixed: Mapping[str, int]) -> list[str]:
    """What has no neighbour on that side keeps its place."""
    keys: dict[str, float] = {}
    for place, name in enumerate(column):
        found = [fixed[other] for other in near.get(name, ()) if other in fixed]
        keys[name] = sum(found) / len(found) if found else place
    return sorted(column, key=lambda name: keys[name])


def _crossings(order: Sequence[Sequence[str]], after: Mapping[str, list[str]]) -> int:
    """Pairs of links that cross: inversions, counted column by column."""
    total = 0
    for left, right in pairwise(order):
        at = {name: place for place, name in enumerate(right)}
        ends = [place for name in left for place in sorted(at[o] for o in after.get(name, ()) if o in at)]
        total += _inversions(ends, len(right))
    return total


def _inversions(values: Sequence[int], size: int) -> int:
    """With a Fenwick tree: n log n."""
    tree = [0] * (size + 1)
    total = 0
    for seen, value in enumerate(values):
        index, smaller = value + 1, 0
        while index:
            smaller += tree[index]
            index &= index - 1
        total += seen - smaller
        index = value + 1
        while index <= size:
            tree[index] += 1
            index += index & -index
    return total


def _mean(near: Mapping[str, list[str]], name: str, middle: Mapping[str, float]) -> float:
    found = [middle[other] for other in near.get(name, ()) if other in middle]
    return sum(found) / len(found) if found else middle[name]


def _spread(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """The middles nearest to `wanted` (least squares) whose boxes do not overlap: isotonic regression by pooling."""
    offsets = [0.0]
    for one, other in pairwise(heights):
        offsets.append(offsets[-1] + (one + other) / 2)
    pools: list[tuple[float, int]] = []  # sum, size
    for value, offset in zip(wanted, offsets, strict=False):
        total, size = value - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / size:
            total, size = total + pools[-1][0], size + pools[-1][1]
            pools.pop()
        pools.append((total, size))
    free = [total / size for total, size in pools for _ in range(size)]
    return [value + offset for value, offset in zip(free, offsets, strict=True)] if wanted else []
