"""What a provider says reaches people, and what a host makes up does not."""

from typing import Any

import pytest

from aivp.apply.hearing import MOST_HEARD, MOST_SAID, Hearing
from aivp.events import ProviderLogged, ProviderProgressed
from aivp.plan.steps import Step

STEP = Step("create:vm.web@lab", "vm.web@lab", "acme/vm", "lab", "create", "", "change", {}, {})


@pytest.fixture
def heard() -> Hearing:
    return Hearing("lab", {STEP.id: STEP})


def test_a_line_of_a_resource_has_its_address(heard: Hearing) -> None:
    said = {"provider": "acme", "id": STEP.id, "level": "warning", "message": "full"}
    assert heard.event("log", said) == ProviderLogged("lab", "acme", "warning", "full", "vm.web@lab")
    said = {"provider": "acme", "id": STEP.id, "message": "copying", "done": 1, "total": 2.5}
    assert heard.event("progress", said) == ProviderProgressed("lab", "acme", "copying", "vm.web@lab", 1, 2.5)


@pytest.mark.parametrize(
    "odd",
    [None, [], {}, {"provider": "acme"}, {"message": "x"}, {"provider": 1, "message": "x"}],
)
def test_what_is_no_line_is_left_out(heard: Hearing, odd: Any) -> None:
    assert heard.event("log", odd) is None
    assert heard.event("progress", odd) is None


def test_what_is_odd_in_a_line_is_left_out(heard: Hearing) -> None:
    said = {"provider": "acme", "message": "x" * 5000, "id": "another", "level": ["error"], "done": float("inf")}
    assert heard.event("log", said) == ProviderLogged("lab", "acme", "info", "x" * MOST_SAID)
    said = {**said, "id": {}, "total": True}
    assert heard.event("progress", said) == ProviderProgressed("lab", "acme", "x" * MOST_SAID)


def test_other_notifications_are_none_of_its_business(heard: Hearing) -> None:
    assert heard.event("outcomes", {"provider": "acme", "message": "x"}) is None


def test_a_flood_ends(heard: Hearing) -> None:
    events = [heard.event("log", {"provider": "acme", "message": "x"}) for _ in range(MOST_HEARD + 5)]
    assert events[MOST_HEARD - 1] is not None
    assert events[MOST_HEARD:] == [None] * 5
