"""What a host says of times, and of what it is busy with: taken where it can be, else left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivp.apply.answers import read_outcomes
from aivp.apply.driving import _of_run
from aivp.apply.hearing import MOST_HEARD, Hearing
from tests.views.inputs import read_short_plan

STEP = read_short_plan(
    '{"hosts": {"lab": "local"}, "steps": [{"address": "file.a@lab", "action": "create", "reason": ""}]}'
).steps[0]
GOOD = {"steps": [STEP.id], "count": 1, "ms": 260}


def outcome(times: Any) -> list[float]:
    ((_, found),) = read_outcomes({"outcomes": [{"step": "s", "status": "done", "action": "create", "times": times}]})
    return list(found.times)


def test_times_are_seconds_of_the_message_and_then_of_the_run() -> None:
    assert outcome([1500]) == [1.5]
    assert outcome([0, 1500, 2500]) == [0.0, 1.5, 2.5]
    assert _of_run([0.0, 1.5, 2.5], sent_at=10.0, now=12.0) == [10.0, 11.5, 12.0]


@pytest.mark.parametrize(
    "times",
    [None, 7, "x", [], [1, 2], [1, 2, 3, 4], [-1], [True], [1.5], [3, 2, 1], [0, 0, 10**10], [0, None, 1], {"0": 1}],
)
def test_times_that_are_none_cost_the_times(times: Any) -> None:
    assert outcome(times) == []


@pytest.mark.parametrize(
    "odd",
    [
        {"steps": []},
        {"steps": ["strange"]},
        {"steps": [7]},
        {"count": 0},
        {"count": 2},
        {"count": True},
        {"ms": -1},
        {"ms": 1e9},
        {"steps": "x"},
        {"ms": 10**12},
    ],
)
def test_a_host_is_busy_only_with_what_it_was_given(odd: dict[str, Any]) -> None:
    assert Hearing("lab", {STEP.id: STEP}).event("lasting", {**GOOD, **odd}) is None


def test_what_lasts_is_an_event_and_not_without_end() -> None:
    hearing = Hearing("lab", {STEP.id: STEP})
    found = [hearing.event("lasting", GOOD) for _ in range(MOST_HEARD + 5)]
    assert found[0] is not None
    assert found[0].seconds == 0.26
    assert found[-1] is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.sampled_from(list(GOOD)), v),
    )
)
def test_nothing_that_a_host_says_raises(params: Any) -> None:
    Hearing("lab", {STEP.id: STEP}).event("lasting", params)
