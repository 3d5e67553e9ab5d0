"""A world for each test, and the end of whatever a failed one left running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.faults.world import World


@pytest.fixture
def world(tmp_path: Path, warm: Callable[[Path], None]) -> Iterator[World]:
    made = World(tmp_path / "world")
    warm(made.host)
    yield made
    made.clean_up()
