"""Pictures of a graph: whatever it holds, nothing lies over anything else, and nothing is said twice or not at all."""

from __future__ import annotations

import itertools
import random
import re
import time
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivp.model.resource import IR, Edge, Host, Resource
from aivp.plan.steps import Plan
from aivp.views.graph_fold import MOST, folded
from aivp.views.graph_layers import layers, places, rows
from aivp.views.graph_layout import GLYPH, PADDING, SIGN, Layout, Rect, laid_out
from aivp.views.graph_mermaid import MOST_ARROWS, MOST_TEXT, graph_mermaid, quoted
from aivp.views.graph_picture import Picture, picture_of, picture_of_plan
from aivp.views.graph_svg import graph_svg
from aivp.views.page import cells
from tests.views.graphs import fleet, plan_for
from tests.views.test_hostile import PLANS, TEXT, UNSAFE


def some(size: int, hosts: int, seed: int) -> IR:
    """A graph without any plan behind it."""
    pick = random.Random(seed)
    names = [f"h{number}" for number in range(hosts)]
    resources = {}
    for number in range(size):
        host = pick.choice(names)
        address = f"{pick.choice(('file', 'service', 'package'))}.n{number}@{host}"
        resources[address] = Resource(address, address.partition(".")[0], host, {})
    order = list(resources)
    types = ("reference", "depends", "notify", "implied", "host")
    edges = {
        Edge(order[before], order[after], pick.choice(types))
        for before, after in (sorted(pick.sample(range(size), 2)) for _ in range(size * 2 if size > 1 else 0))
    }
    return IR("demo", "main", {n: Host(n, "ssh") for n in names}, dict(sorted(resources.items())), sorted(edges))


def overlap(one: Rect, other: Rect) -> bool:
    return (
        one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom and one != other
    )


def assert_tidy(picture: Picture) -> Layout:
    layout = laid_out(picture)
    for one, other in itertools.combinations(layout.boxes.values(), 2):
        assert not overlap(one, other)
    for one, other in itertools.combinations(layout.frames.values(), 2):
        assert not overlap(one, other)
    sign = SIGN if picture.has_plan else 0
    for box in picture.boxes:
        rect, frame = layout.boxes[box.id], layout.frames[box.host]
        assert cells(layout.texts[box.id]) * GLYPH + 2 * PADDING + sign <= rect.width + 0.01
        assert frame.x < rect.x
        assert rect.right < frame.right
        assert frame.y < rect.y
        assert rect.bottom < frame.bottom
    for frame in layout.frames.values():
        assert frame.right < layout.width
        assert frame.bottom < layout.height
    for route in layout.routes:
        ends = {route.arrow.before, route.arrow.after}
        host = next(box.host for box in picture.boxes if box.id == route.arrow.before)
        for (x, y), (to_x, to_y) in itertools.pairwise(route.points):
            assert route.is_angular or layout.frames[host].y < to_y < layout.frames[host].bottom
            assert 0 < x < layout.width
            assert 0 < y < layout.height
            line = Rect(min(x, to_x), min(y, to_y), abs(to_x - x), abs(to_y - y))
            for name, rect in layout.boxes.items():
                assert name in ends or not overlap(line, rect) or (not route.is_angular and line.height and line.width)
    return layout


@pytest.mark.parametrize(("size", "hosts"), [(0, 1), (1, 1), (2, 1), (5, 2), (40, 1), (60, 4), (85, 30)])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_lies_over_anything(size: int, hosts: int, seed: int) -> None:
    ir = some(size, hosts, seed)
    assert_tidy(picture_of(ir))
    changed = dict.fromkeys(list(ir.resources)[::3], ("update", "change"))
    assert_tidy(picture_of(ir, plan_for(ir, changed)))


@settings(max_examples=60, deadline=None)
@given(PLANS)
def test_whatever_a_plan_holds(plan: Plan) -> None:
    picture = picture_of_plan(plan)
    assert_tidy(folded(picture, 3))
    text = graph_svg(picture)
    assert UNSAFE.search(text) is None
    ET.fromstring(text)
    assert UNSAFE.search(graph_mermaid(picture)) is None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=12))
def test_columns_go_forward_but_in_cycles(links: list[tuple[str, str]]) -> None:
    column = layers("abcdef", links)
    assert set(column) == set("abcdef")
    if all(before < after for before, after in links):
        assert all(column[before] < column[after] for before, after in links)


def test_rows_are_ordered_so_that_links_do_not_cross() -> None:
    links = [("a", "y"), ("b", "x")]
    found = rows([["a", "b"], ["x", "y"]], links)
    assert [list(column) for column in found] in ([["a", "b"], ["y", "x"]], [["b", "a"], ["x", "y"]])
    top = places(found, links, dict.fromkeys("abxy", 10.0))
    assert top["a"] == top["y"]
    assert top["b"] == top["x"]


def test_the_same_graph_gives_the_same_bytes() -> None:
    assert graph_svg(folded(picture_of(fleet(25, 6)))) == graph_svg(folded(picture_of(fleet(25, 6))))


def test_five_hundred_resources_are_folded_and_drawn_in_time() -> None:
    ir = fleet(25, 6)
    assert len(ir.resources) == 503
    plan = plan_for(ir, {"file.motd@web07": ("update", "change"), "service.nginx@web03": ("refresh", "disrupt")})
    started = time.monotonic()
    drawn = folded(picture_of(ir, plan))
    text = graph_svg(drawn)
    assert time.monotonic() - started < 5
    assert len(drawn.boxes) <= MOST
    assert sum(len(box.members) for box in drawn.boxes) == 503
    assert [box.members for box in drawn.boxes if box.mark] == [("file.motd@web07",), ("service.nginx@web03",)]
    assert "web01, web02 and 21 more" in text
    assert all(fold in text.replace("\n", " ") or len(fold) > 60 for fold in drawn.folds)


def test_unfolded_five_hundred_are_drawn_in_time() -> None:
    started = time.monotonic()
    graph_svg(picture_of(some(500, 20, 1)))
    assert time.monotonic() - started < 5


def test_a_picture_of_few_is_not_folded() -> None:
    picture = picture_of(fleet(2))
    assert folded(picture) is picture


@pytest.mark.parametrize("size", [200, 3000])
def test_however_many_there_are(size: int) -> None:
    picture = picture_of(some(size, size // 10, 5))
    drawn = folded(picture)
    assert len(drawn.boxes) <= MOST
    assert drawn.folds
    shown = sum(len(box.members) for box in drawn.boxes)
    assert shown == size or any("not drawn" in fold for fold in drawn.folds)
    assert_tidy(drawn)


def test_a_replacement_is_marked_once_and_what_goes_is_drawn() -> None:
    ir = fleet(1)
    plan = plan_for(ir, {"package.gone@web01": ("delete", "destroy"), "file.motd@web01": ("create", "destroy")})
    marks = {box.id: box.mark for box in picture_of(ir, plan).boxes if box.mark}
    assert {name: mark.role for name, mark in marks.items()} == {
        "package.gone@web01": "delete",
        "file.motd@web01": "replace",
    }


def test_text_cannot_leave_its_place() -> None:
    evil = 'noop.x</text><script>alert(1)</script>"\u202e\x1b[31m&@lab'
    ir = IR("<b>", "&", {"lab": Host("lab", "<i>")}, {evil: Resource(evil, "noop", "lab", {})}, [])
    text = graph_svg(picture_of(ir))
    root = ET.fromstring(text)
    assert not root.findall(".//{*}script")
    assert UNSAFE.search(text) is None
    assert any("</script>" in (item.text or "") for item in root.iter("{http://www.w3.org/2000/svg}title"))


@given(TEXT)
def test_mermaid_labels_hold_nothing_unusual(text: str) -> None:
    assert re.fullmatch(r'"([A-Za-z0-9 ._/@:,+~*=()-]|#\d+;)*"', quoted(text))


def test_mermaid_stays_within_its_limits() -> None:
    ir = fleet(40, 6)
    plan = plan_for(ir, {f"file.motd@web{number:02}": ("update", "change") for number in range(1, 41, 2)})
    text = graph_mermaid(picture_of(ir, plan), len(ir.resources))
    assert len(text) < MOST_TEXT
    assert sum(" --> " in line or "-.->" in line or " ==> " in line for line in text.splitlines()) <= MOST_ARROWS
    assert "(update)" in text
    assert "classDef change" in text
