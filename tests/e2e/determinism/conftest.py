"""The world, made once a worker."""

import pytest

from .world import World, make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """See make_world."""
    return make_world(tmp_path_factory.mktemp("determinism"))
