"""How long a third-party provider's temporary errors are waited out: full jitter, within a budget, until a cancel.

The other tries ask the very same thing under the same key, so an effect still happens once. `meta.retries` is another
matter: it begins new attempts, after this budget is used up.
"""

from __future__ import annotations

import random
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from aivp_contract.values import Json

TRIES = 5
"""Times that one thing is asked for at most."""

BUDGET = 120.0
"""Seconds after the first try within which the last one begins."""

LONGEST = 30.0
"""Seconds of a pause that nobody asked for."""

WAITED = frozenset({"temporary", "rate_limited"})
"""Classes of errors that are worth another try."""

_POLL = 0.05

Answers = List[Dict[str, Json]]
Ask = Callable[[Sequence[int], Optional[float]], Answers]
"""Asks about the items at these indices, within so many seconds (None: no limit)."""


class Patience:
    """That of one provider. `free_at`: until then the other side of it wants to hear nothing.

    tell: takes a line for people; is_cancelled: the run is being stopped.
    """

    def __init__(self, tell: Callable[[str], None], is_cancelled: Callable[[], bool]) -> None:
        self.tell = tell
        self.is_cancelled = is_cancelled
        self.free_at = 0.0

    def insist(self, ask: Ask, count: int, limit: Optional[float]) -> Answers:
        """One answer for each of `count` items, in order; those that failed for the moment were asked about again.

        limit: seconds for all of it, None where there is none but the budget.
        """
        begun = time.monotonic()
        until = begun + (BUDGET if limit is None else min(BUDGET, limit))
        answers: Answers = [{"error": self._must_wait()}] * count
        left: List[int] = list(range(count))
        for number in range(TRIES + 1):
            if number or self.free_at > begun:
                pause = self._pause_before(number, [_error(answers[index]) for index in left])
                if number == TRIES or time.monotonic() + pause > until:
                    return _after(answers, left, number)
                if not self._wait(pause):
                    return _canceled(answers, left)
            rest = None if limit is None else max(begun + limit - time.monotonic(), 0.1)
            for index, answer in zip(left, ask(left, rest)):
                answers[index] = answer
            left = [i for i in left if "error" in answers[i] and _error(answers[i]).get("class") in WAITED]
            self._heed([_error(answers[index]) for index in left])
            if not left:
                break
        return answers

    def _pause_before(self, number: int, errors: Sequence[Mapping[str, Any]]) -> float:
        """At least what any of them asks for, and a share of a growing time, so that many do not come at once."""
        asked: float = max((error.get("delay_ms", 0) / 1000 for error in errors), default=0.0) if number else 0.0
        asked = max(asked, self.free_at - time.monotonic(), 0.0)
        return asked + random.random() * float(min(2**number / 2, LONGEST))  # noqa: S311

    def _heed(self, errors: Sequence[Mapping[str, Any]]) -> None:
        delays = [error.get("delay_ms", 0) / 1000 for error in errors if error["class"] == "rate_limited"]
        if delays:
            self.free_at = max(self.free_at, time.monotonic() + max(delays))

    def _wait(self, seconds: float) -> bool:
        """False if there is to be no further try, since the run is being stopped."""
        until = time.monotonic() + seconds
        if seconds >= 1:
            self.tell(f"waits {seconds:.0f} s before it tries again")
        while time.monotonic() < until and not self.is_cancelled():
            time.sleep(min(_POLL, max(until - time.monotonic(), 0)))
        return not self.is_cancelled()

    def _must_wait(self) -> Dict[str, Json]:
        delay = max(self.free_at - time.monotonic(), 0.0)
        why = f"it was not asked, since it wants to hear nothing for another {delay:.0f} s"
        return {"class": "rate_limited", "message": why, "delay_ms": int(delay * 1000)}


def _error(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = answer.get("error") or {}
    return found


def _after(answers: Answers, left: Sequence[int], tries: int) -> Answers:
    """The errors that are left say how often it was tried."""
    for index in left if tries > 1 else ():
        error = dict(_error(answers[index]))
        answers[index] = {**answers[index], "error": {**error, "message": f"{error['message']} (tried {tries} times)"}}
    return answers


def _canceled(answers: Answers, left: Sequence[int]) -> Answers:
    """What nobody waits for any more is left open, and comes again under the same key."""
    for index in left:
        error = {"class": "canceled", "message": f"stopped while waiting: {_error(answers[index])['message']}"}
        answers[index] = {**answers[index], "error": error}
    return answers
