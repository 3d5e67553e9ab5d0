"""What the host remembers, when it is opened by whoever comes next."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from aivp_runner.store import VERSION, HostStore, HostStoreTooNew

OWNER = ("project", "main", "lineage")


def test_a_reader_creates_nothing(tmp_path: Path) -> None:
    HostStore.read_only(tmp_path / "host.db").close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_wal", [False, True])
def test_a_reader_takes_an_unfinished_database_for_none(tmp_path: Path, is_wal: bool) -> None:
    connection = sqlite3.connect(tmp_path / "host.db")
    if is_wal:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    store = HostStore.read_only(tmp_path / "host.db")
    assert store.lineages("project", "main") == []
    store.close()


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    HostStore.open(tmp_path / "host.db").close()
    connection = sqlite3.connect(tmp_path / "host.db")
    connection.execute(f"PRAGMA user_version={VERSION + 1}")
    connection.close()
    for opened in (HostStore.open, HostStore.read_only):
        with pytest.raises(HostStoreTooNew, match=f"format {VERSION + 1}"):
            opened(tmp_path / "host.db")


def test_runs_that_ended_elsewhere_are_closed_by_the_next_one(tmp_path: Path) -> None:
    store = HostStore.open(tmp_path / "host.db")
    assert store.begin("one", OWNER, "plan") == 1
    assert store.begin("two", OWNER, "plan", over=["one"]) == 2
    assert [run["run"] for run in store.open_runs()] == ["two"]


def test_a_commit_that_fails_leaves_the_connection_usable(tmp_path: Path) -> None:
    store = HostStore.open(tmp_path / "host.db")
    store.begin("run", OWNER, "plan")
    store.connection.execute("PRAGMA max_page_count=12")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.intend("run", [(f"step-{i}", 1, "create") for i in range(5000)], OWNER)
    store.connection.execute("PRAGMA max_page_count=100000")
    store.intend("run", [("step", 1, "create")], OWNER)
    assert list(store.journal("run")) == ["step"]


def test_a_new_lineage_takes_claims_and_ends_runs(tmp_path: Path) -> None:
    store = HostStore.open(tmp_path / "host.db")
    store.begin("run", OWNER, "plan")
    store.adopt_lineage("project", "main", "other")
    assert store.open_runs() == []
