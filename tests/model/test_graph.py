from __future__ import annotations

import random
import time

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivp.model.graph import ResourceGraph
from aivp.model.resource import Edge

PACKAGE, FILE, SERVICE, COMMAND = 1, 3, 4, 5


def graph(nodes: dict[str, int], *edges: str, host: str = "h") -> ResourceGraph:
    """`edges` as `a>b`; a node `x@other` lies on that host."""
    places = {node: (node.partition("@")[2] or host, phase) for node, phase in nodes.items()}
    return ResourceGraph(places, [Edge(*edge.split(">"), "depends") for edge in edges])  # type: ignore[call-arg]


def test_without_edges_the_phase_comes_first_then_the_address() -> None:
    assert graph({"d": PACKAGE, "a": SERVICE, "b": FILE, "c": FILE}).order == ("d", "b", "c", "a")


def test_what_a_low_phase_waits_for_comes_early() -> None:
    nodes = {"a-file": FILE, "repo-file": FILE, "package": PACKAGE, "service": SERVICE}
    assert graph(nodes, "repo-file>package").order == ("repo-file", "package", "a-file", "service")


def test_only_descendants_on_the_same_host_lift_a_resource() -> None:
    nodes = {"z@h": COMMAND, "x@other": PACKAGE, "y@h": FILE}
    assert graph(nodes, "z@h>x@other").order == ("y@h", "z@h", "x@other")
    nodes["back@h"] = PACKAGE
    assert graph(nodes, "z@h>x@other", "x@other>back@h").order == ("z@h", "x@other", "back@h", "y@h")


def test_what_may_run_together_stands_together() -> None:
    nodes = dict.fromkeys(("a", "a1", "a11", "a12", "b", "b1", "c"), FILE)
    assert graph(nodes, "a>a1", "a1>a11", "a1>a12", "b>b1").order == ("a", "b", "c", "a1", "b1", "a11", "a12")


def test_the_order_does_not_follow_the_order_of_insertion() -> None:
    shuffle = random.Random(1).shuffle
    nodes = [(f"n{i}", i % 6) for i in range(60)]
    edges = [f"n{i}>n{i + d}" for i in range(50) for d in (3, 7)]
    orders = set()
    for _ in range(5):
        shuffle(nodes)
        shuffle(edges)
        orders.add(graph(dict(nodes), *edges).order)
    assert len(orders) == 1


def test_neighbours_and_reach() -> None:
    found = graph(dict.fromkeys("abcde", FILE), "a>b", "b>c", "a>c", "d>c")
    assert found.predecessors("c") == ("a", "b", "d")
    assert found.successors("a") == ("b", "c")
    assert found.ancestors(["c"]) == {"a", "b", "d"}
    assert found.ancestors(["c", "b"]) == {"a", "d"}
    assert found.descendants(["a"]) == {"b", "c"}
    assert found.descendants(["e"]) == frozenset()


def test_edges_of_several_types_stay_apart() -> None:
    edges = [
        Edge("a", "b", "notify"),
        Edge("a", "b", "reference"),
        Edge("b", "a", "implied"),
        Edge("a", "zz", "depends"),
    ]
    found = ResourceGraph({"a": ("h", 0), "b": ("h", 0)}, edges[:2] + edges[3:])
    assert found.types("a", "b") == ("reference", "notify")
    assert [edge.after for edge in found.edges] == ["b", "b"]


def test_a_cycle_is_found_from_its_smallest_member_on() -> None:
    found = graph(dict.fromkeys("abcdefg", FILE), "c>b", "b>d", "d>c", "e>f", "f>e", "a>b", "d>g", "g>c")
    assert found.cycle() == ("b", "d", "c")
    assert [sorted(loop) for loop in found.loops()] == [["b", "c", "d", "g"], ["e", "f"]]
    with pytest.raises(ValueError, match="b → d → c"):
        _ = found.order
    assert graph({"a": 1, "b": 1}, "a>b").cycle() == ()


@pytest.mark.parametrize(
    ("edges", "batches"),
    [
        ([], [["p1", "p2", "p3"]]),
        (["p1>p2"], [["p1", "p2", "p3"]]),
        (["p1>f", "f>p2"], [["p1", "p3"], ["p2"]]),
        (["p1>f", "f>g", "g>p2", "p2>p3"], [["p1"], ["p2", "p3"]]),
        (["f>p1", "g>p3"], [["p1", "p2", "p3"]]),
        (["p1>f", "f>p2", "p2>g", "g>p3"], [["p1"], ["p2"], ["p3"]]),
    ],
)
def test_a_batch_has_no_path_through_anything_else(edges: list[str], batches: list[list[str]]) -> None:
    found = graph({"p1": PACKAGE, "p2": PACKAGE, "p3": PACKAGE, "f": FILE, "g": FILE}, *edges)
    assert [sorted(batch) for batch in found.batches(["p3", "p1", "p2"])] == batches


def test_ten_thousand_resources_are_ordered_soon() -> None:
    nodes = {f"file.f{i:05}@h": ("h", FILE) for i in range(10_000)}
    edges = [Edge("file.f00000@h", f"file.f{i:05}@h", "implied") for i in range(1, 10_000)]
    start = time.process_time()
    assert len(ResourceGraph(nodes, edges).order) == 10_000
    assert time.process_time() - start < 1.0  # 0.1 s on a quiet machine


@given(
    st.dictionaries(st.sampled_from("abcdefghijkl"), st.integers(0, 5), min_size=1),
    st.lists(st.tuples(st.sampled_from("abcdefghijkl"), st.sampled_from("abcdefghijkl")), max_size=30),
)
def test_order_and_loops_are_those_of_a_library_of_graphs(phases: dict[str, int], pairs: list[tuple[str, str]]) -> None:
    """networkx says the same; it is no longer what aivp itself imports (ADR 0042)."""
    edges = [Edge(before, after, "depends") for before, after in pairs if before != after]
    found = ResourceGraph({node: ("h", phase) for node, phase in phases.items()}, edges)
    theirs: nx.DiGraph[str] = nx.DiGraph([(edge.before, edge.after) for edge in found.edges])
    theirs.add_nodes_from(phases)
    loops = [loop for loop in nx.strongly_connected_components(theirs) if len(loop) > 1]
    assert found.loops() == sorted(loops, key=min)
    if loops:
        with pytest.raises(ValueError, match="cycle"):
            _ = found.order
        return
    depth = {node: number for number, layer in enumerate(nx.topological_generations(theirs)) for node in layer}
    lowest = {node: min(phases[n] for n in (node, *nx.descendants(theirs, node))) for node in phases}
    ranked = nx.lexicographical_topological_sort(theirs, key=lambda node: (lowest[node], depth[node], node))
    if found.edges:
        assert found.order == tuple(ranked)
    assert set(found.order) == set(phases)
