"""A provider that cannot work fails its own steps, and keeps what had begun for later."""

import pytest

from aivp.apply.withheld import withheld
from aivp.diagnostics import Refused
from aivp.plan.steps import Step

ERROR = {"class": "permanent", "message": "it has no program for linux"}


def step(name: str, kind: str, host: str = "one", previous: str | None = None) -> Step:
    return Step(f"create:{name}", name, kind, host, "create", "", "change", {}, {}, previous=previous)


STEPS = [step("a", "acme/vm"), step("b", "file"), step("c", "acme/vm", "two"), step("d", "acme/vm", "two", "old")]


def test_its_own_steps_on_that_host_only() -> None:
    assert withheld(STEPS, {("one", "acme/vm"): ERROR}, {}, {}) == {"create:a": ERROR}
    assert withheld(STEPS, {}, {"c": ERROR, "old": ERROR}, {}) == {"create:c": ERROR, "create:d": ERROR}
    assert withheld(STEPS, {}, {}, {"create:a": "intent"}) == {}


def test_what_had_begun_is_not_given_up() -> None:
    with pytest.raises(Refused) as caught:
        withheld(STEPS, {("one", "acme/vm"): ERROR}, {}, {"create:a": "intent"})
    (found,) = caught.value.diagnostics
    assert found.code == "AIVP0610"
    assert "a was begun, and its provider cannot go on: it has no program for linux." in found.why
