"""Outcomes as lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .run import Outcome

SIGNS = {"passed": "passed ", "failed": "FAILED ", "skipped": "skipped"}


def line(outcome: Outcome) -> str:
    """One check: what became of it, why, and the message that shows it."""
    told = f"{SIGNS[outcome.state]} {outcome.check}" + (f" {outcome.kind}" if outcome.kind else "")
    if outcome.text:
        told += f": {outcome.text}"
    if outcome.left_out:
        told += f" (not looked at: {outcome.left_out})"
    if outcome.shown:
        told += f"\n          {outcome.shown}"
    return printable(told)


def total(outcomes: Sequence[Outcome], seconds: float) -> str:
    """All in a line."""
    count = Counter(outcome.state for outcome in outcomes)
    return f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped in {seconds:.1f} s"


def printable(text: str) -> str:
    """What a provider says must not control a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else f"\\u{ord(letter):04x}" for letter in text)
