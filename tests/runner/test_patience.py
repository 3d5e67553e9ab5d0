"""What a third-party provider calls temporary is asked for again, with a growing pause, within a budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from aivp_runner import patience
from aivp_runner.patience import Patience

DONE: dict[str, Any] = {"outputs": {}}


def failing(kind: str, delay: int | None = None) -> dict[str, Any]:
    error = {"class": kind, "message": "not now"}
    return {"error": error if delay is None else {**error, "delay_ms": delay}}


class Other:
    """The other side: answers as it was told to, and notes what it was asked about, when, and for how long."""

    def __init__(self, *rounds: Sequence[dict[str, Any]]) -> None:
        self.rounds = list(rounds)
        self.asked: list[list[int]] = []
        self.limits: list[float | None] = []
        self.at: list[float] = []

    def __call__(self, indices: Sequence[int], limit: float | None) -> list[dict[str, Any]]:
        self.asked.append(list(indices))
        self.limits.append(limit)
        self.at.append(time.monotonic())
        answers = self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]
        return list(answers[: len(indices)])


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LONGEST", 0.02)


def patient(is_cancelled: bool = False) -> Patience:
    return Patience(lambda _: None, lambda: is_cancelled)


def test_only_what_failed_for_the_moment_is_asked_again() -> None:
    other = Other([DONE, failing("temporary"), failing("permanent")], [failing("rate_limited")], [DONE])
    found = patient().insist(other, 3, None)
    assert other.asked == [[0, 1, 2], [1], [1]]
    assert found == [DONE, DONE, failing("permanent")]


def test_it_is_tried_five_times_and_the_error_says_so() -> None:
    other = Other([failing("temporary")])
    (found,) = patient().insist(other, 1, None)
    assert len(other.asked) == patience.TRIES == 5
    assert found["error"] == {"class": "temporary", "message": "not now (tried 5 times)"}


def test_a_delay_that_was_asked_for_is_kept() -> None:
    other = Other([failing("rate_limited", 300)], [DONE])
    assert patient().insist(other, 1, None) == [DONE]
    assert other.at[1] - other.at[0] >= 0.3


def test_a_delay_beyond_the_budget_ends_it_at_once() -> None:
    other = Other([failing("temporary", 121_000)])
    begun = time.monotonic()
    (found,) = patient().insist(other, 1, None)
    assert (len(other.asked), found["error"]["delay_ms"]) == (1, 121_000)
    assert time.monotonic() - begun < 1


def test_after_a_rate_limit_every_request_waits() -> None:
    one = patient()
    assert one.insist(Other([failing("rate_limited", 500_000)]), 1, None)[0]["error"]["class"] == "rate_limited"
    other = Other([DONE])
    (found,) = one.insist(other, 1, None)
    assert other.asked == []
    assert found["error"]["class"] == "rate_limited"
    assert 490_000 < found["error"]["delay_ms"] <= 500_000
    one.free_at = time.monotonic() + 0.2
    assert one.insist(other, 1, None) == [DONE]
    assert time.monotonic() >= one.free_at


def test_all_tries_share_the_time_of_the_step() -> None:
    other = Other([failing("temporary", 200)])
    (found,) = patient().insist(other, 1, 0.5)
    assert found["error"]["class"] == "temporary"
    assert len(other.asked) in (2, 3)
    limits = [limit for limit in other.limits if limit is not None]
    assert len(limits) == len(other.limits)
    assert limits == sorted(limits, reverse=True)
    assert limits[0] <= 0.5


def test_a_cancel_ends_the_wait_and_leaves_it_open() -> None:
    other = Other([DONE, failing("temporary", 60_000)])
    found = patient(is_cancelled=True).insist(other, 2, None)
    assert found[0] == DONE
    assert found[1]["error"] == {"class": "canceled", "message": "stopped while waiting: not now"}
