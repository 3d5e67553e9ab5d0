"""Logs → timelines: the critical path fills the whole, waits are named, and no log breaks the reader."""

from __future__ import annotations

import json
import random

from hypothesis import given
from hypothesis import strategies as st

from aivp.events.logbook import read_timeline
from aivp.events.timeline import Order, Session

FREE = Order({}, {})


def line(kind: str, elapsed: float, **members: object) -> str:
    return json.dumps({"type": kind, "elapsed": elapsed, **members})


def started(host: str, elapsed: float, *steps: str) -> str:
    return line("steps-started", elapsed, host=host, steps=list(steps))


def ended(step: str, elapsed: float, began: float | None, *effect: float) -> str:
    address = step.partition(":")[2]
    span = {"began": effect[0], "ended": effect[1]} if effect else None
    names = {"host": address.rpartition("@")[2], "step": step, "address": address}
    return line("step-ended", elapsed, **names, action="create", status="done", began=began, effect=span)


def session(*lines: str, order: Order = FREE) -> Session:
    (found,) = read_timeline("r", [line("run-started", 0, is_resumed=False), *lines], order).sessions
    return found


def legs(found: Session) -> list[tuple[str | None, float]]:
    return [(leg.step, round(leg.seconds, 3)) for leg in found.critical]


def test_a_lane_goes_on_with_what_it_waited_for() -> None:
    order = Order({"create:b.2@b": ["create:a.1@a"]}, {})
    found = session(
        started("a", 0.1, "create:a.1@a"),
        started("b", 0.1, "create:b.1@b"),
        ended("create:b.1@b", 1, 0.2, 0.3, 0.9),
        ended("create:a.1@a", 5, 0.2, 0.5, 4.9),
        started("b", 5.1, "create:b.2@b"),
        ended("create:b.2@b", 7, 5.1, 5.2, 6.9),
        line("run-ended", 7.2, status="done"),
        order=order,
    )
    assert legs(found) == [(None, 0.2), ("create:a.1@a", 4.7), ("create:b.2@b", 2.0), (None, 0.3)]
    (wait,) = found.lanes[1].waits
    assert (wait.began, wait.ended, wait.on) == (1, 5.1, "create:a.1@a")
    assert found.lanes[1].work == [(0.1, 1), (5.1, 7)]


def test_a_round_waits_for_the_one_before() -> None:
    found = session(
        started("a", 0.1, "create:a.1@a"),
        ended("create:a.1@a", 3, 0.2, 0.3, 2.9),
        started("b", 3.1, "create:b.1@b"),
        ended("create:b.1@b", 4, 3.2, 3.3, 3.9),
        line("run-ended", 4.0, status="done"),
        order=Order({}, {"b": ["a"]}),
    )
    assert [wait.on for wait in found.lanes[1].waits] == ["a"]
    assert [step for step, _ in legs(found)] == [None, "create:a.1@a", "create:b.1@b", None]


def test_a_log_that_was_broken_off_has_no_end() -> None:
    found = session(started("a", 0.1, "create:a.1@a"))
    assert (found.status, found.lanes[0].bars, legs(found)) == ("", [], [(None, 0.1)])


def test_a_resumed_run_has_a_session_more() -> None:
    lines = [line("run-started", 0, is_resumed=n > 0) for n in range(3)]
    found = read_timeline("r", ["garbage", *lines], FREE).sessions
    assert [item.is_resumed for item in found] == [False, True, True]


VALUES = st.none() | st.booleans() | st.floats() | st.integers(-5, 5) | st.text(max_size=3) | st.lists(st.text())
LINES = st.dictionaries(
    st.sampled_from("type elapsed host steps step address action status began effect time is_resumed".split()),
    VALUES
    | st.sampled_from(["run-started", "steps-started", "step-ended", "run-ended"])
    | st.dictionaries(st.text(), VALUES),
)


@given(st.lists(LINES.map(json.dumps) | st.text(max_size=20)))
def test_any_lines_give_a_timeline_whose_path_fills_it(lines: list[str]) -> None:
    order = Order({"a": ["a", "b"], "b": ["a"]}, {"": [""]})
    for found in read_timeline("r", [line("run-started", 0), *lines], order).sessions:
        assert found.seconds == 0 or abs(sum(leg.seconds for leg in found.critical) - found.seconds) < 0.01 * len(lines)


def test_a_large_log_is_read_at_once() -> None:
    chance = random.Random(1)
    lines = []
    for host in range(20):
        steps = [f"create:file.f{n}@h{host}" for n in range(500)]
        lines.append(started(f"h{host}", 0.1, *steps))
        for n, step in enumerate(steps):
            lines.append(ended(step, 0.2 + n, 0.1 + n, 0.1 + n, 0.15 + n + chance.random() / 30))
    found = session(*lines)
    assert sum(len(lane.bars) for lane in found.lanes) == 10_000
    assert len(found.critical) > 400
