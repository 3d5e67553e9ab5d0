"""A fresh world of namespaces for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aivp_sdk.testing import Harness

from tests.providers.network.nobody import Nobody
from tests.providers.network.realm import Realm, missing


@pytest.fixture
def realm(tmp_path: Path) -> Iterator[Realm]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with Realm(tmp_path / "place") as made:
        yield made


@pytest.fixture
def harness(realm: Realm) -> Iterator[Harness]:
    """The provider on the host of `realm`."""
    with realm.harness() as made:
        yield made


@pytest.fixture
def nobody() -> Iterator[Nobody]:
    """Somebody without any privilege, with a folder of his own."""
    reason = Nobody.missing()
    if reason is not None:
        pytest.skip(reason)
    made = Nobody()
    yield made
    made.close()
