"""The graph of one IR: typed edges, the one order of its resources, and who waits for whom.

Knows phases as numbers; what a kind is, it does not know. A library of graphs would take as long to import as all the
rest of a plan (ADR 0042); the tests compare this with one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush

from aivp_contract.manifest import PHASES, Kind

from aivp.model.resource import IR, Edge, EdgeType

TYPE_ORDER: tuple[EdgeType, ...] = ("reference", "depends", "notify", "host", "implied")


class ResourceGraph:
    """Resources by address with their typed edges; `before → after`. Immutable: make a new one for another IR.

    nodes: address → (host, phase), where the phase is an index of `PHASES`.
    """

    def __init__(self, nodes: Mapping[str, tuple[str, int]], edges: Iterable[Edge]) -> None:
        self.nodes = nodes
        known = (edge for edge in edges if edge.before in nodes and edge.after in nodes)
        self.edges: tuple[Edge, ...] = tuple(sorted(known, key=_edge_key))

    @classmethod
    def of(cls, ir: IR, kind: Callable[[str], Kind | None]) -> ResourceGraph:
        """The graph of `ir`; `kind` gives a kind by name (`Registry.kind`), an unknown one counts as a file."""
        phases = {name: _phase(kind(name)) for name in {item.kind for item in ir.resources.values()}}
        return cls({address: (item.host, phases[item.kind]) for address, item in ir.resources.items()}, ir.edges)

    def predecessors(self, address: str) -> tuple[str, ...]:
        """What must be done directly before `address`, sorted."""
        return self._before.get(address, ())

    def successors(self, address: str) -> tuple[str, ...]:
        """What waits directly for `address`, sorted."""
        return self._after.get(address, ())

    def types(self, before: str, after: str) -> tuple[EdgeType, ...]:
        """The types of the edges between the two, in the order of `TYPE_ORDER`."""
        found = {edge.type for edge in self.edges if edge.before == before and edge.after == after}
        return tuple(item for item in TYPE_ORDER if item in found)

    def ancestors(self, addresses: Iterable[str]) -> frozenset[str]:
        """Everything that must be done before any of `addresses`, without them."""
        return _reach(self._before, addresses)

    def descendants(self, addresses: Iterable[str]) -> frozenset[str]:
        """Everything that waits for any of `addresses`, without them."""
        return _reach(self._after, addresses)

    def loops(self) -> list[set[str]]:
        """The sets of resources that wait for each other, by their smallest address; empty where there is no cycle."""
        components = _components(self.nodes, self._before, self._after)
        return sorted((component for component in components if len(component) > 1), key=min)

    def cycle(self) -> tuple[str, ...]:
        """The addresses of one cycle, from its smallest address on; empty where there is none."""
        loops = self.loops()
        if not loops:
            return ()
        component = loops[0]
        return _shortest_cycle({node: [n for n in self.successors(node) if n in component] for node in component})

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Every address, predecessors first. Among those that may come next, the one that the lowest phase of its host
        waits for; then the one with the shorter way to it, so that what may run together stands together; then the
        smaller address. Raises ValueError where the graph has a cycle.
        """
        if not self.edges:
            return tuple(sorted(self.nodes, key=lambda node: (self.nodes[node][1], node)))
        layers = list(_layers(self.nodes, self._before))
        depth = {node: number for number, layer in enumerate(layers) for node in layer}
        if len(depth) < len(self.nodes):
            raise ValueError(f"a cycle: {' → '.join(self.cycle())}")
        lowest = self._lowest_phases([node for layer in layers for node in layer])
        return tuple(_by_rank(self._before, {node: (lowest[node], depth[node], node) for node in self.nodes}))

    def batches(self, members: Iterable[str]) -> list[list[str]]:
        """`members` in as few groups as can be, so that no path inside a group leads through anything else.

        Groups come in an order that respects every path; each is sorted by `order`. Transactions are formed so.
        """
        chosen = frozenset(members)
        level: dict[str, int] = {}
        groups: dict[int, list[str]] = {}
        for node in self.order:
            inside = node in chosen
            steps = (level[prior] + (prior in chosen and not inside) for prior in self.predecessors(node))
            level[node] = max(steps, default=0)
            if inside:
                groups.setdefault(level[node], []).append(node)
        return [groups[index] for index in sorted(groups)]

    def _lowest_phases(self, order: Sequence[str]) -> dict[str, int]:
        """The lowest phase among each node and its descendants on its own host."""
        reached: dict[str, Mapping[str, int]] = {}
        for node in reversed(order):
            host, phase = self.nodes[node]
            below = {host: phase}
            for later in self.successors(node):
                for place, low in reached[later].items():
                    if low < below.get(place, len(PHASES)):
                        below[place] = low
            reached[node] = below
        return {node: reached[node][self.nodes[node][0]] for node in order}

    @cached_property
    def _before(self) -> Mapping[str, tuple[str, ...]]:
        return _grouped((edge.after, edge.before) for edge in self.edges)

    @cached_property
    def _after(self) -> Mapping[str, tuple[str, ...]]:
        return _grouped((edge.before, edge.after) for edge in self.edges)


def _edge_key(edge: Edge) -> tuple[str, str, str]:
    return (edge.before, edge.after, edge.type)


def _phase(kind: Kind | None) -> int:
    return PHASES.index(kind.phase if kind else "file")


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for key, value in pairs:
        found.setdefault(key, set()).add(value)
    return {key: tuple(sorted(values)) for key, values in found.items()}


def _layers(nodes: Iterable[str], before: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Those with nothing before them, those with only these before them, and so on, until a cycle is in the way."""
    sorter = TopologicalSorter({node: before.get(node, ()) for node in nodes})
    with contextlib.suppress(CycleError):  # it still gives what it can
        sorter.prepare()
    while layer := sorter.get_ready():
        yield layer
        sorter.done(*layer)


def _by_rank(before: Mapping[str, tuple[str, ...]], ranks: Mapping[str, tuple[int, int, str]]) -> Iterator[str]:
    """Every node behind those before it, and of those that may come next the one of the lowest rank; no cycles."""
    sorter = TopologicalSorter({node: before.get(node, ()) for node in ranks})
    sorter.prepare()
    ready: list[tuple[tuple[int, int, str], str]] = []
    while sorter.is_active():
        for node in sorter.get_ready():
            heappush(ready, (ranks[node], node))
        _, node = heappop(ready)
        yield node
        sorter.done(node)


def _components(
    nodes: Iterable[str], before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]
) -> Iterator[set[str]]:
    """The strongly connected ones, after Kosaraju and Sharir: back from whatever a walk forward has finished last."""
    finished: list[str] = []
    seen: set[str] = set()
    walk = [(node, False) for node in nodes]
    while walk:
        node, is_finished = walk.pop()
        if is_finished:
            finished.append(node)
        elif node not in seen:
            seen.add(node)
            walk.append((node, True))
            walk.extend((later, False) for later in after.get(node, ()) if later not in seen)
    for node in reversed(finished):
        if node in seen:
            component, back = set(), [node]
            while back:
                found = back.pop()
                if found in seen:
                    seen.remove(found)
                    component.add(found)
                    back.extend(before.get(found, ()))
            yield component


def _reach(neighbours: Mapping[str, tuple[str, ...]], addresses: Iterable[str]) -> frozenset[str]:
    start = frozenset(addresses)
    found: set[str] = set()
    stack = sorted(start)
    while stack:
        for node in neighbours.get(stack.pop(), ()):
            if node not in found:
                found.add(node)
                stack.append(node)
    return frozenset(found - start)


def _shortest_cycle(successors: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A shortest way from the smallest node of a strongly connected component back to it."""
    start = min(successors)
    came_from: dict[str, str] = {}
    ring = [start]
    while ring:
        following: list[str] = []
        for node in ring:
            for later in successors[node]:
                if later == start:
                    return _way_back(came_from, start, node)
                if later not in came_from:
                    came_from[later] = node
                    following.append(later)
        ring = following
    return (start,)


def _way_back(came_from: Mapping[str, str], start: str, node: str) -> tuple[str, ...]:
    path = [node]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return tuple(reversed(path))
