"""A fresh systemd host for each test of a host kind, with the provider shipped into it; a folder for `file`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import lab
from tests.providers.driver import HostDriver
from tests.providers.host.disk import PROVIDER, Disk
from tests.providers.host.world import World

_SUITES = [suite if suite == lab.DEFAULT_SUITE else pytest.param(suite, marks=pytest.mark.slow) for suite in lab.SUITES]


@pytest.fixture(params=_SUITES)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """The default suite; under `make test-all` each of them."""
    reason = lab.available(request.param)
    if reason is not None:
        pytest.skip(reason)
    with lab.host(request.param) as host, World.of(host) as world:
        yield world


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A folder on this machine's disk and the `file` kind in this process."""
    root = tmp_path.resolve() / "root"
    root.mkdir()
    with HostDriver(PROVIDER, tmp_path / "shim") as driver:
        yield Disk(root, driver)
