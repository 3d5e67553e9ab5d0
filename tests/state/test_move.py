"""From one back end to the other and back: never two states, whatever is broken off."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from aivp.diagnostics import Refused
from aivp.model.place import DEFAULT, Place, PostgresPlace, SqlitePlace
from aivp.state import open_existing, open_state
from aivp.state.content import read_content
from aivp.state.move import move_state, plan_move
from aivp.state.open import MOVED, open_existing_database
from tests.state.conftest import Backend
from tests.state.objects import thing
from tests.state.test_store import codes

POSTGRES = PostgresPlace({"connect_timeout": 5})


@pytest.fixture
def root(tmp_path: Path, database: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a state of two objects in it, and a database."""
    for name, value in database.items():
        monkeypatch.setenv(name, value)
    with closing(Backend(tmp_path, DEFAULT).open()) as state:
        state.put([thing("a"), thing("b")])
    return tmp_path


def move(root: Path, target: Place, given: Place | None = None) -> int:
    return move_state(plan_move(given, target, root, "shop", "prod"))


def content(root: Path, place: Place):
    with closing(open_state(place, root, "shop", "prod")) as state:
        found = read_content(state)
        return found.lineage, found.objects


def refused(root: Path, place: Place) -> list[str]:
    return codes(lambda: open_state(place, root, "shop", "prod"))


def test_there_and_back(root: Path) -> None:
    before = content(root, DEFAULT)
    assert refused(root, POSTGRES) == ["AIVP0832"], "it waits where it was"
    assert codes(lambda: open_existing(POSTGRES, root, "shop", "prod")) == ["AIVP0832"]
    assert move(root, POSTGRES) == 2
    assert content(root, POSTGRES) == before
    assert refused(root, DEFAULT) == ["AIVP0831"], "an old checkout does not fork it"
    assert codes(lambda: open_existing(DEFAULT, root, "shop", "prod")) == ["AIVP0831"]
    assert codes(lambda: move(root, POSTGRES)) == ["AIVP0845"], "done already"
    assert move(root, DEFAULT) == 2
    assert content(root, DEFAULT) == before
    assert refused(root, POSTGRES) == ["AIVP0831"]


def test_between_folders(root: Path) -> None:
    before = content(root, DEFAULT)
    other = SqlitePlace(str(root / "elsewhere"))
    assert move(root, other) == 2
    assert content(root, other) == before
    assert (root / "elsewhere/prod/state.db").stat().st_mode & 0o777 == 0o600
    assert (root / "elsewhere").stat().st_mode & 0o777 == 0o700
    assert move(root, POSTGRES, other) == 2
    assert refused(root, other) == refused(root, DEFAULT) == ["AIVP0831"]


@pytest.mark.parametrize("is_made", [False, True])
@pytest.mark.parametrize("way", [POSTGRES, DEFAULT], ids=["on", "back"])
def test_a_move_that_was_broken_off_goes_on_or_back(root: Path, way: Place, is_made: bool) -> None:
    """Killed after the old place was marked: neither opens, and either way leads out."""
    before = content(root, DEFAULT)
    mark(root, DEFAULT, '{"postgres": {"connect_timeout": 5}}')
    if is_made:
        open_anyhow(POSTGRES, root).close()
    assert refused(root, DEFAULT) == ["AIVP0831"]
    assert move(root, way) == 2
    assert content(root, way) == before


def test_nothing_is_overwritten(root: Path) -> None:
    (root / "other").mkdir()
    with closing(open_state(POSTGRES, root / "other", "shop", "prod")) as state:
        state.put([thing("mine")])
    assert codes(lambda: move(root, POSTGRES)) == ["AIVP0845"]
    assert len(content(root, DEFAULT)[1]) == 2, "still in use"
    assert codes(lambda: move(root, DEFAULT)) == ["AIVP0845"], "it is there"
    assert codes(lambda: move(root / "other", POSTGRES)) == ["AIVP0845"], "nothing to move"


def test_a_locked_state_stays(root: Path) -> None:
    with closing(open_state(DEFAULT, root, "shop", "prod")) as state, state.exclusive():
        assert codes(lambda: move(root, POSTGRES)) == ["AIVP0511"]
    assert len(content(root, DEFAULT)[1]) == 2


def test_a_target_that_cannot_be_written(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_anyhow(POSTGRES, root).close()
    monkeypatch.setenv("PGOPTIONS", "-c default_transaction_read_only=on")
    with pytest.raises(Refused, match="AIVP0837"):
        move(root, POSTGRES)
    assert len(content(root, DEFAULT)[1]) == 2, "the old place stays in use"


def open_anyhow(place: Place, root: Path):
    from aivp.state.open import open_database

    return open_database(place, root, "shop", "prod")


def mark(root: Path, place: Place, text: str) -> None:
    database = open_existing_database(place, root, "shop", "prod")
    assert database is not None
    with closing(database), database.transaction("test") as sql:
        sql.execute("INSERT INTO meta VALUES (?, ?)", MOVED, text)
