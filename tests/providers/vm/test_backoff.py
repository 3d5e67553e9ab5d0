"""When a VM that ended by itself is started again."""

from __future__ import annotations

import pytest
from aivp_vm.machine.backoff import STEADY, delay
from aivp_vm.machine.spec import Restart

ALWAYS = Restart("always", delay=1.0, max_delay=60.0, limit=10)


def test_each_try_waits_twice_as_long_up_to_the_most() -> None:
    assert [delay(ALWAYS, True, 0.0, tries) for tries in range(10)] == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_it_is_given_up() -> None:
    assert delay(ALWAYS, True, 0.0, 10) is None


def test_who_ran_well_begins_anew() -> None:
    assert delay(ALWAYS, True, STEADY, 10) == 1


@pytest.mark.parametrize(
    ("policy", "is_failure", "expected"),
    [
        ("never", True, None),
        ("never", False, None),
        ("on-failure", True, 1),
        ("on-failure", False, None),
        ("always", True, 1),
        ("always", False, 1),
    ],
)
def test_policies(policy: str, is_failure: bool, expected: float | None) -> None:
    assert delay(Restart(policy), is_failure, 0.0, 0) == expected
