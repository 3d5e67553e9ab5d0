"""rpm's versions: how they are written, and their order. A test with a real rpm holds far more pairs to it."""

from __future__ import annotations

import pytest
from aivp_host.packages import rpm_versions


def test_the_epoch_is_shown_only_where_there_is_one() -> None:
    assert [rpm_versions.write(epoch, "1.0", "1") for epoch in ("0", "(none)", "", "2")] == ["1.0-1"] * 3 + ["2:1.0-1"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2.0-1", "1:1.0-1"),
        ("1.9-1", "1.10-1"),
        ("1.0-1.el9", "1.0-1.el9_4.1"),
        ("1.0~rc1-1", "1.0-1"),
        ("1.0-1", "1.0^git1-1"),
        ("1.0^git1-1", "1.0.1-1"),
        ("1.a-1", "1.1-1"),
    ],
)
def test_order(older: str, newer: str) -> None:
    assert rpm_versions.is_older(older, newer)
    assert not rpm_versions.is_older(newer, older)
    assert rpm_versions.newest_first([older, newer, older]) == [newer, older]


def test_what_looks_different_may_be_the_same() -> None:
    assert not rpm_versions.is_older("1.01-1", "1.1-1")
    assert not rpm_versions.is_older("1.1-1", "1.01-1")
