"""The lane against real providers: bounds, provenance and journal of steps that were broken off; commits per batch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aivp_runner.hosting import Hosting
from aivp_runner.lane import Lane
from aivp_runner.store import HostStore
from aivp_sdk.process import Session

OWNER = ("project", "main", "lineage")


class Host:
    """A host store and the file provider, without a process between."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = HostStore.open(folder / "host.db")
        self.store.begin("run", OWNER, "plan")
        self.reports: list[dict[str, Any]] = []

    def lane(self) -> Lane:
        hosting = Hosting({"file": "aivp_host.provider", "noop": "aivp_host.provider"}, Session(None))
        return Lane(hosting, self.store, "run", OWNER, self.reports.append)

    def execute(self, *steps: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Outcomes of one batch, in order."""
        self.lane().execute(steps)
        return [outcome for report in self.reports for outcome in report["outcomes"]]

    def claims(self) -> list[tuple[str, str]]:
        return [(claim["address"], claim["provenance"]) for claim in self.store.registry(*OWNER[:2])]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def create(path: Path, content: str = "new", **more: Any) -> dict[str, Any]:
    config = {"path": str(path), "content": content, "state": "file"}
    return {
        "id": "create:file.a@here",
        "address": "file.a@here",
        "kind": "file",
        "action": "create",
        "config": config,
        "identity": {"path": str(path)},
        "expected": None,
        "conditional": True,
        "bounds": sorted(config),
        "claim": {"created": "created", "found": "adopted", "lifecycle": {}, "edges": []},
        **more,
    }


def intend(host: Host, action: str) -> None:
    host.store.intend("run", [("create:file.a@here", 1, action)], OWNER)


def test_what_a_step_finds_is_not_taken_for_created(host: Host) -> None:
    (host.folder / "a").write_text("of somebody else")
    assert [item["action"] for item in host.execute(create(host.folder / "a"))] == ["update"]
    assert host.claims() == [("file.a@here", "adopted")]


def test_what_a_broken_run_began_to_create_was_created(host: Host) -> None:
    (host.folder / "a").write_text("half")
    intend(host, "create")
    assert [item["action"] for item in host.execute(create(host.folder / "a"))] == ["create"]
    assert host.claims() == [("file.a@here", "created")]


def test_what_a_broken_run_had_created_is_not_made_again(host: Host) -> None:
    (host.folder / "a").write_text("new")
    before = (host.folder / "a").stat().st_ino
    intend(host, "create")
    assert [(item["status"], item["action"]) for item in host.execute(create(host.folder / "a"))] == [
        ("done", "create")
    ]
    assert (host.folder / "a").stat().st_ino == before


def test_a_look_that_changed_nothing_stays_one_when_it_is_asked_about_again(host: Host) -> None:
    """Its report got lost: asked anew, the host must not say that something was created, nor notify anyone."""
    (host.folder / "a").write_text("new")
    step = create(host.folder / "a", notifies=["service.x@here"])
    host.execute(step)
    host.reports.clear()
    assert [item["action"] for item in host.execute(step)] == ["no-op"]
    assert host.claims() == [("file.a@here", "adopted")]
    assert host.store.pending(*OWNER[:2]) == []


def test_a_broken_step_stays_within_what_was_planned(host: Host) -> None:
    (host.folder / "a").write_text("new")
    (host.folder / "a").chmod(0o600)
    intend(host, "create")
    step = create(host.folder / "a")
    step["config"]["mode"] = "0644"
    (outcome,) = host.execute(step)
    assert (outcome["status"], outcome["error"]["class"]) == ("stale", "stale")
    assert "mode" in outcome["error"]["message"]


def test_an_unconditional_step_is_held_to_the_digest(host: Host) -> None:
    (host.folder / "a").write_text("by hand")
    (outcome,) = host.execute(create(host.folder / "a", conditional=False, expected="sha256:other"))
    assert outcome["status"] == "stale"
    assert (host.folder / "a").read_text() == "by hand"


def test_a_notification_from_elsewhere_is_durable_before_its_effect(host: Host) -> None:
    step = {**create(host.folder / "a"), "id": "refresh:noop.r@here", "address": "noop.r@here", "kind": "noop"}
    step |= {"action": "refresh", "config": {"name": "r"}, "identity": {"name": "r"}, "fired": True}
    seen: list[list[str]] = []
    lane = host.lane()
    real = lane.hosting.apply

    def watched(*arguments: Any) -> Any:
        seen.append(host.store.pending(*OWNER[:2]))
        return real(*arguments)

    lane.hosting.apply = watched  # type: ignore[method-assign]
    lane.execute([step])
    assert seen == [["noop.r@here"]]
    assert host.store.pending(*OWNER[:2]) == []


def test_a_batch_is_two_commits(host: Host, tmp_path: Path) -> None:
    """Counted from outside: one fsync for all intents of a batch, one for all its outcomes."""
    script = tmp_path / "batch.py"
    script.write_text(BATCH)
    log = tmp_path / "log"
    traced = subprocess.run(
        [
            "strace",
            "-f",
            "-o",
            str(log),
            "-e",
            "trace=fsync,fdatasync,write",
            sys.executable,
            str(script),
            str(tmp_path / "x"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if traced.returncode != 0:
        pytest.skip(f"strace cannot trace here: {traced.stderr.strip()[-100:]}")
    text = log.read_text()
    counted = text[text.index("MARK-ONE") : text.index("MARK-TWO")]
    assert counted.count("fdatasync(") == 2
    assert counted.count("fsync(") == 0


BATCH = """
import os, sys
from pathlib import Path
from tests.runner.test_lane import Host, create
os.mkdir(sys.argv[1])
host = Host(Path(sys.argv[1]))
lane = host.lane()
def step(i):
    config = {"name": f"n{i}"}
    found = {**create(Path("/x")), "id": f"create:noop.n{i}@here", "address": f"noop.n{i}@here", "kind": "noop"}
    return {**found, "config": config, "identity": config, "bounds": ["name"]}
os.write(2, b"MARK-ONE")
lane.execute([step(i) for i in range(100)])
os.write(2, b"MARK-TWO")
"""
