"""A host remembers which project key its secrets came from, so that a lost state is not rebuilt with another."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.e2e.secrets.world import World


@pytest.fixture
def applied(world: World) -> World:
    """A generated password and a file without one were applied."""
    world.declared["secrets"]["admin"] = {"generate": {"length": 24}}
    world.file("password", content="${secret.admin}")
    world.file("plain", content="nothing secret")
    world.aivp("secrets key --new")
    world.aivp("apply -y")
    return world


def keys(world: World) -> Path:
    return world.root / "home/.config/aivp/keys"


def lose_state(world: World) -> None:
    shutil.rmtree(world.project / ".aivp")


def claims(world: World) -> dict[str, str | None]:
    connection = sqlite3.connect(world.root / "host/host.db")
    try:
        return dict(connection.execute("SELECT address, secret_key FROM registry"))
    finally:
        connection.close()


def test_the_claim_of_what_takes_a_generated_secret_names_its_key(applied: World) -> None:
    key_id = applied.aivp("secrets key --show-id").split()[-1]
    assert claims(applied) == {"file.password@here": key_id, "file.plain@here": None}
    applied.check(applied.target / "password", *keys(applied).iterdir())


@pytest.mark.parametrize("has_other", [False, True])
def test_a_lost_state_is_not_rebuilt_without_its_key(applied: World, has_other: bool) -> None:
    password = (applied.target / "password").read_text()
    kept = applied.root / "kept"
    keys(applied).rename(kept)
    lose_state(applied)
    if has_other:
        applied.aivp("secrets key --new")
    assert "AIVP0813" in applied.aivp("state rebuild -y", code=1)
    assert "AIVP0606" in applied.aivp("plan", code=1), "it is as lost as before"
    shutil.rmtree(keys(applied), ignore_errors=True)
    kept.rename(keys(applied))
    applied.aivp("state rebuild -y")
    assert "No changes" in applied.aivp("plan --detailed-exitcode")
    assert (applied.target / "password").read_text() == password


def test_a_rebuilt_state_knows_its_key_again(applied: World) -> None:
    lose_state(applied)
    applied.aivp("state rebuild -y")
    shutil.rmtree(keys(applied))
    applied.aivp("secrets key --new")
    assert "AIVP0813" in applied.aivp("plan", code=1)


def test_a_move_keeps_it(applied: World) -> None:
    resources = applied.declared["resources"]
    resources["file.renamed"] = resources.pop("file.password")
    applied.declared["moved"] = [{"from": "file.password", "to": "file.renamed"}]
    applied.aivp("apply -y")
    assert claims(applied)["file.renamed@here"] is not None


def test_a_key_that_nothing_declared_needs_is_not_asked_for(applied: World) -> None:
    lose_state(applied)
    shutil.rmtree(keys(applied))
    del applied.declared["resources"]["file.password"]
    applied.declared["secrets"].clear()
    applied.aivp("state rebuild -y")
    applied.aivp("destroy -y")
    assert list(applied.target.iterdir()) == []


def test_a_host_of_the_format_before_is_read_and_brought_to_todays(applied: World) -> None:
    connection = sqlite3.connect(applied.root / "host/host.db")
    connection.execute("ALTER TABLE registry DROP COLUMN secret_key")
    connection.execute("ALTER TABLE registry DROP COLUMN tainted")
    connection.execute("PRAGMA user_version=1")
    connection.commit()
    connection.close()
    assert "No changes" in applied.aivp("plan --detailed-exitcode")
    (applied.target / "password").unlink()
    applied.aivp("apply -y")
    assert claims(applied)["file.password@here"] is not None
