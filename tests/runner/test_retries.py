"""`meta.retries` is for what may be over in a moment, and for nothing else."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from aivp_runner import lane as lanes
from aivp_runner.hosting import Hosting
from aivp_runner.lane import Lane
from aivp_runner.store import HostStore
from aivp_sdk.process import Session

from tests.runner.failing import attempts
from tests.runner.test_lane import OWNER, create


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "_LONGEST_BACKOFF", 0.01)


def run(folder: Path, retries: int = 2, **config: Any) -> tuple[str, int]:
    """Status and number of attempts of one step."""
    store = HostStore.open(folder / "host.db")
    store.begin("run", OWNER, "plan")
    found: list[dict[str, Any]] = []
    hosting = Hosting({"failing": "tests.runner.failing"}, Session(None))
    path = str(folder / "attempts")
    step = {**create(folder / "a"), "kind": "failing", "identity": {"path": path}, "retries": retries}
    step |= {"config": {"path": path, **config}, "bounds": ["path", "how"]}
    Lane(hosting, store, "run", OWNER, found.append).execute([step])
    (outcome,) = found[0]["outcomes"]
    return outcome["status"], attempts(folder / "attempts")


@pytest.mark.parametrize("how", ["permanent", "bug", "broken-word"])
def test_what_is_for_good_is_tried_once(tmp_path: Path, how: str) -> None:
    assert run(tmp_path, how=how, times=1) == ("failed", 1)


def test_what_is_temporary_is_tried_as_often_as_it_says(tmp_path: Path) -> None:
    assert run(tmp_path, how="temporary", times=2) == ("done", 3)


def test_it_is_not_tried_more_often(tmp_path: Path) -> None:
    assert run(tmp_path, retries=1, how="temporary", times=2) == ("failed", 2)


def test_without_retries_it_is_tried_once(tmp_path: Path) -> None:
    assert run(tmp_path, retries=0, how="temporary", times=1) == ("failed", 1)


def test_a_delay_that_the_provider_asks_for_is_kept(tmp_path: Path) -> None:
    begun = time.monotonic()
    assert run(tmp_path, how="temporary", times=2, delay=200) == ("done", 3)
    assert time.monotonic() - begun >= 0.4
