"""Recorded attributes, rewritten by providers that live in the runner's process; every fault is an answer."""

from __future__ import annotations

from typing import Any

from aivp_runner.hosting import Hosting
from aivp_sdk.process import Session


def upgraded(version: int, **attributes: Any) -> dict[str, Any]:
    hosting = Hosting({"growing": "tests.runner.growing"}, Session(None))
    item = {"id": "1", "kind": "growing", "version": version, "attributes": attributes}
    (answer,) = hosting.upgrade([item])
    return answer


def test_todays_form() -> None:
    assert upgraded(1, name="a", label="x") == {"id": "1", "attributes": {"name": "a", "tags": ["x"]}}


def test_what_it_cannot_upgrade() -> None:
    assert upgraded(0, name="a")["error"] == {"class": "permanent", "message": "version 0 was never released"}


def test_a_bug() -> None:
    assert upgraded(1, name="a")["error"]["class"] == "bug"
