from __future__ import annotations

import pytest

from bench.fit import growth

SIZES = (100, 500, 1000, 2000, 5000, 10000)


@pytest.mark.parametrize("exponent", [1.0, 1.5, 2.0])
def test_the_exponent_is_found_beneath_the_cost_of_starting(exponent: float) -> None:
    found = growth({size: 0.3 + 1e-4 * (size**exponent - 100**exponent) for size in SIZES})
    assert found is not None
    assert found.exponent == pytest.approx(exponent, abs=0.05)


def test_what_is_close_to_the_cost_of_starting_is_left_out() -> None:
    found = growth({100: 0.40, 500: 0.39, 1000: 0.79, 2000: 1.0, 5000: 2.0})
    assert found is not None
    assert found.sizes == [2000, 5000]


def test_it_foretells() -> None:
    found = growth({100: 0.0, 1000: 10.0, 2000: 40.0})
    assert found is not None
    assert found.at(10_000) == pytest.approx(1000)


def test_one_size_shows_nothing() -> None:
    assert growth({}) is None
    assert growth({100: 0.3, 10_000: 3.0}) is None
