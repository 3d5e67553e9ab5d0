"""A world of its own for each test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.forked import Server
from tests.e2e.secrets.world import World


@pytest.fixture
def world(tmp_path: Path, server: Server, warm: Callable[[Path], None]) -> World:
    warm(tmp_path / "host")
    return World(tmp_path, server)
