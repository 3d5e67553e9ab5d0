"""Where the cache is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import LabError, available
from tests.lab.places import places


def test_the_environment_decides_in_order() -> None:
    environ = {"HOME": "/home/lee"}
    assert places(environ).cache == Path("/home/lee/.cache/aivp/lab")
    environ["XDG_CACHE_HOME"] = "/cache"
    assert places(environ).cache == Path("/cache/aivp/lab")
    environ["AIVP_LAB_CACHE"] = "/lab"
    assert places(environ).cache == Path("/lab")


def test_a_path_that_apt_cannot_use_is_refused() -> None:
    environ = {"AIVP_LAB_CACHE": "/with space"}
    with pytest.raises(LabError, match="'/with space' cannot be the lab's cache"):
        places(environ)
    assert available(environ=environ)
