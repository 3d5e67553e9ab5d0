"""A promise and whether it holds; ratios between executions of two sides."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.measure import Sample


@dataclass(frozen=True, slots=True)
class Ratio:
    """`value`: of the medians; lowest and highest: of executions of the same round, or of the extremes where one
    side has fewer of them.
    """

    value: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.lowest:.1f} to {self.highest:.1f})"


@dataclass(frozen=True, slots=True)
class Target:
    """One promise. `is_met` is None where it was not measured."""

    promise: str
    bound: str
    measured: str
    is_met: bool | None


def ratio(large: Sequence[Sample], small: Sequence[Sample], figure: str) -> Ratio | None:
    """How many times `small` goes into `large`; None where one of them was not measured to its end."""
    if not large or not small or any(item.is_stopped for item in (*large, *small)):
        return None
    above, below = ([float(getattr(item, figure)) for item in side] for side in (large, small))
    value = statistics.median(above) / statistics.median(below)
    if len(above) != len(below):
        return Ratio(value, min(above) / max(below), max(above) / min(below))
    rounds = [one / other for one, other in zip(above, below, strict=True)]
    return Ratio(value, min(rounds), max(rounds))
