"""What of a lane can be sent: up to what another host has to bring, and never a wait for what will not come."""

from __future__ import annotations

from aivp.apply.progress import Progress
from aivp.apply.segment import lanes, next_segment
from aivp.plan.steps import Step


def step(name: str, host: str, *waits_for: str, batch: int) -> Step:
    return Step(name, name, "noop", host, "create", "", "change", {}, {}, waits_for=waits_for, batch=batch)


STEPS = [
    step("a", "one", batch=0),
    step("b", "two", "a", batch=0),
    step("c", "one", "b", batch=1),
    step("d", "two", batch=1),
]


def progress(**ended: str) -> Progress:
    return Progress({item.id: item for item in STEPS}, {}, {}, ended=dict(ended))


def names(host: str, known: Progress) -> tuple[list[str], list[str], bool]:
    segment = next_segment(lanes(STEPS)[host], known)
    return [s.id for batch in segment.batches for s in batch], [s.id for s in segment.blocked], segment.must_wait


def test_a_lane_goes_as_far_as_it_needs_nobody() -> None:
    assert names("one", progress()) == (["a"], [], False)
    assert names("two", progress()) == ([], [], True)


def test_what_was_waited_for_lets_the_lane_go_on() -> None:
    assert names("two", progress(a="done")) == (["b", "d"], [], False)


def test_what_failed_blocks() -> None:
    assert names("two", progress(a="failed")) == ([], ["b"], False)
    assert names("two", progress(a="failed", b="blocked")) == (["d"], [], False)


def test_nobody_waits_for_a_host_that_was_left() -> None:
    known = progress()
    known.left.add("one")
    segment = next_segment(lanes(STEPS)["two"], known)
    assert segment.is_end
