"""The graph of one IR: typed edges, the one order of its resources, and who waits for whom.

The sole door of networkx, which is imported only where a graph really has edges (it costs 120 ms). Knows phases as
numbers; what a kind is, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from aivp_contract.manifest import PHASES, Kind

from aivp.model.resource import IR, Edge, EdgeType

if TYPE_CHECKING:
    import networkx as nx

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
        if not self.edges:
            return []
        import networkx as nx

        components = nx.strongly_connected_components(self._directed)
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
        import networkx as nx

        try:
            layers = list(nx.topological_generations(self._directed))
        except nx.NetworkXUnfeasible:
            raise ValueError(f"a cycle: {' → '.join(self.cycle())}") from None
        lowest = self._lowest_phases([node for layer in layers for node in layer])
        depth = {node: number for number, layer in enumerate(layers) for node in layer}
        return tuple(
            nx.lexicographical_topological_sort(self._directed, key=lambda node: (lowest[node], depth[node], node))
        )

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

    @cached_property
    def _directed(self) -> nx.DiGraph[str]:
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(self.nodes)
        graph.add_edges_from((edge.before, edge.after) for edge in self.edges)
        return graph


def _edge_key(edge: Edge) -> tuple[str, str, str]:
    return (edge.before, edge.after, edge.type)


def _phase(kind: Kind | None) -> int:
    return PHASES.index(kind.phase if kind else "file")


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for key, value in pairs:
        found.setdefault(key, set()).add(value)
    return {key: tuple(sorted(values)) for key, values in found.items()}


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
