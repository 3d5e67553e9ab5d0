"""A deletion cannot be looked at afterwards: it is held to what was reviewed just before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aivp_contract import diff
from aivp_contract.observation import read_observation

from tests.runner.test_lane import OWNER, Host, create

ID = "delete:file.a@here"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def reviewed(host: Host, **config: Any) -> dict[str, Any]:
    """The deletion of `a` as it lies there now."""
    path = host.folder / "a"
    step = {**create(path), "id": ID, "action": "delete", "conditional": False}
    step["config"] = {"path": str(path), **(config or {"content": "ours", "state": "file"})}
    lane = host.lane()
    (answer,) = lane.hosting.observe([step])
    seen = read_observation(answer["observation"])
    return {**step, "expected": diff.managed_digest(step["config"], seen)}


def delete(host: Host, step: dict[str, Any]) -> tuple[str, str]:
    host.reports.clear()
    (outcome,) = host.execute(step)
    return outcome["status"], outcome["action"]


@pytest.mark.parametrize("conditional", [False, True])
def test_what_changed_since_the_check_is_not_deleted(host: Host, conditional: bool) -> None:
    (host.folder / "a").write_text("ours")
    step = reviewed(host)
    (host.folder / "a").write_text("by hand")
    assert delete(host, {**step, "conditional": conditional}) == ("stale", "delete")
    assert (host.folder / "a").read_text() == "by hand"
    (outcome,) = host.reports[0]["outcomes"]
    assert outcome["error"]["message"] == "it changed after the plan was checked, so it is not deleted"


def test_what_is_as_reviewed_goes_even_where_it_had_drifted(host: Host) -> None:
    (host.folder / "a").write_text("drifted, and shown so in the plan")
    assert delete(host, reviewed(host)) == ("done", "delete")
    assert not (host.folder / "a").exists()


def test_what_was_put_back_as_we_had_left_it_goes(host: Host) -> None:
    (host.folder / "a").write_text("drifted")
    step = reviewed(host)
    (host.folder / "a").write_text("ours")
    assert delete(host, step) == ("done", "delete")


def test_what_is_gone_already_becomes_nothing(host: Host) -> None:
    (host.folder / "a").write_text("ours")
    step = reviewed(host)
    (host.folder / "a").unlink()
    assert delete(host, step) == ("done", "delete")


def test_a_purged_directory_is_held_to_what_was_listed_in_it(host: Host) -> None:
    (host.folder / "a").mkdir()
    (host.folder / "a" / "listed").touch()
    step = reviewed(host, state="directory", purge=True)
    (host.folder / "a" / "new").touch()
    assert delete(host, step) == ("stale", "delete")
    assert sorted(path.name for path in (host.folder / "a").iterdir()) == ["listed", "new"]
    (host.folder / "a" / "new").unlink()
    assert delete(host, step) == ("done", "delete")


def test_a_deletion_that_was_broken_off_is_brought_to_its_end(host: Host) -> None:
    """Half of what was listed is gone, so it is neither as reviewed nor as we had left it."""
    (host.folder / "a").mkdir()
    for name in ("one", "two"):
        (host.folder / "a" / name).touch()
    step = reviewed(host, state="directory", purge=True)
    (host.folder / "a" / "one").unlink()
    host.store.intend("run", [(ID, 1, "delete")], OWNER)
    assert delete(host, step) == ("done", "delete")
    assert not (host.folder / "a").exists()


def test_what_came_after_a_deletion_that_was_done_is_left_alone(host: Host) -> None:
    """Its report got lost: asked anew, the host must not delete what somebody else made there since."""
    (host.folder / "a").write_text("ours")
    step = reviewed(host)
    assert delete(host, step) == ("done", "delete")
    (host.folder / "a").write_text("of somebody else")
    assert delete(host, step) == ("done", "delete")
    assert (host.folder / "a").read_text() == "of somebody else"
