"""A world of its own for each test; one server of commands for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.forked import Server
from tests.e2e.secrets.world import World


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.close()


@pytest.fixture
def world(tmp_path: Path, server: Server, warm: Callable[[Path], None]) -> World:
    warm(tmp_path / "host")
    return World(tmp_path, server)
