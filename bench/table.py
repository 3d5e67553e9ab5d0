"""Samples and rows → Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence

from bench.measure import Sample


def seconds(samples: Sequence[Sample], figure: str) -> str:
    """Median, and in brackets the least."""
    if any(item.is_stopped for item in samples):
        return f"> {max(getattr(item, figure) for item in samples):.0f}"
    return spread([getattr(item, figure) for item in samples], lambda value: f"{value:.2f}")


def spread(values: Sequence[float], text: Callable[[float], str]) -> str:
    if not values:
        return "–"
    return text(values[0]) if len(values) == 1 else f"{text(statistics.median(values))} ({text(min(values))})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"
