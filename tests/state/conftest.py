"""Both back ends, empty: one suite for the two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from aivp.model.place import Place, PostgresPlace, SqlitePlace
from aivp.state import State, open_existing, open_state
from tests.state import server as servers
from tests.state.server import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One for all tests of a process; skipped aloud where it cannot be had."""
    if servers.programs() is None:
        pytest.skip(servers.MISSING)
    with servers.running() as found:
        yield found


@pytest.fixture
def database(server: Server) -> Mapping[str, str]:
    """An empty database and its role, as libpq's environment."""
    return server.database("shop")


@dataclass
class Backend:
    """Where a test's states are."""

    root: Path
    place: Place

    def open(self, project: str = "shop", environment: str = "prod") -> State:
        return open_state(self.place, self.root, project, environment)

    def existing(self, project: str = "shop", environment: str = "prod") -> State | None:
        return open_existing(self.place, self.root, project, environment)


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """An empty place, once of each kind."""
    if request.param == "sqlite":
        return Backend(tmp_path, SqlitePlace())
    for name, value in request.getfixturevalue("database").items():
        monkeypatch.setenv(name, value)
    return Backend(tmp_path, PostgresPlace())


@pytest.fixture
def state(backend: Backend) -> Iterator[State]:
    found = backend.open()
    yield found
    found.close()
