"""How a cost grows: the exponent k of cost(N) − cost(smallest) ~ N^k, and what it foretells of larger N."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Growth:
    """cost(N) = base + factor · N^exponent, fitted over `sizes`."""

    base: float
    factor: float
    exponent: float
    sizes: Sequence[int]

    def at(self, size: int) -> float:
        """The cost that this foretells."""
        return self.base + self.factor * math.pow(size, self.exponent)


def growth(costs: Mapping[int, float]) -> Growth | None:
    """Least squares over the logarithms; None where there are fewer than two sizes to fit.

    The smallest size stands for starting up, which would otherwise make everything look flatter than it is. Sizes that
    cost less than twice as much are left out: their difference from it is noise.
    """
    if not costs:
        return None
    base = costs[min(costs)]
    points = [(size, cost - base) for size, cost in sorted(costs.items()) if cost >= 2 * base and size > min(costs)]
    if len(points) < 2:
        return None
    xs = [math.log(size) for size, _ in points]
    ys = [math.log(cost) for _, cost in points]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    exponent = sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)
    return Growth(base, math.exp(y - exponent * x), exponent, [size for size, _ in points])
