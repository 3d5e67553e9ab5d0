"""What a conditional step may touch where a provider makes fields of declared ones, as `lines` make content."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aivp_runner.hosting import Hosting
from aivp_runner.lane import Lane
from aivp_runner.store import HostStore
from aivp_sdk.process import Session

OWNER = ("project", "main", "lineage")


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Lane]:
    store = HostStore.open(tmp_path / "host.db")
    store.begin("run", OWNER, "plan")
    hosting = Hosting({"file": "tests.providers.host.disk"}, Session(None))
    yield Lane(hosting, store, "run", OWNER, lambda report: None)
    store.close()


def step(path: Path, action: str, bounds: Sequence[str]) -> dict[str, Any]:
    config = {"path": str(path), "lines": [{"line": "ours"}], "mode": "0644"}
    address = "file.f@lab"
    made: dict[str, Any] = {"id": f"{action}:{address}", "address": address, "kind": "file", "action": action}
    return {**made, "config": config, "identity": {"path": str(path)}, "conditional": True, "bounds": list(bounds)}


@pytest.mark.parametrize("action", ["create", "no-op"])
def test_content_follows_from_declared_lines(lane: Lane, tmp_path: Path, action: str) -> None:
    path = tmp_path / "f"
    path.write_text("a package brought this\n")
    lane.execute([step(path, action, ["lines", "mode", "path"])])
    assert path.read_text() == "a package brought this\nours\n"


def test_a_planned_update_touches_what_it_listed(lane: Lane, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("theirs\n")
    lane.execute([step(path, "update", ["mode"])])
    assert path.read_text() == "theirs\n"
