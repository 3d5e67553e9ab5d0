"""The driver itself: in-process and shipped over a channel, the same answers."""

import dataclasses
import sys
from pathlib import Path

import pytest
from aivp_host.noop import NoopKind
from aivp_sdk import Provider

from tests.providers.driver import HostDriver, RemoteDriver

PROVIDER = Provider("host", "0.1.0", [NoopKind()])


def test_in_process(tmp_path: Path) -> None:
    with HostDriver(PROVIDER, tmp_path / "shim") as driver:
        done = driver.converge("noop", {"name": "a", "input": "x"}).check()
    assert done.decision.action == "create"
    assert done.outcome is not None
    assert done.outcome["outputs"] == {"output": "x"}


def test_shipped_over_a_channel() -> None:
    with RemoteDriver(PROVIDER, ["env", f"PATH={Path(sys.executable).parent}:/usr/bin:/bin"]) as driver:
        decision, outcome, again = driver.converge("noop", {"name": "a", "input": "x"}).check()
    assert (decision.action, again.action) == ("create", "no-op")
    assert outcome["outputs"] == {"output": "x"}


def test_prediction_that_fails_is_named(tmp_path: Path) -> None:
    with HostDriver(PROVIDER, tmp_path / "shim") as driver:
        done = driver.converge("noop", {"name": "a", "input": "x"})
    broken = dataclasses.replace(done, config={"name": "b"})
    with pytest.raises(AssertionError, match=r"not the prediction.*/name"):
        broken.check()
