"""A world with rooms in it: a third-party provider whose things are hosts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.faults.world import World

ROOMS = Path(__file__).parent / "rooms"
HEAD = """
aivp: v1
project: rooms
variables: {root: {type: string}}
hosts: {here: {transport: local}}
resources:
"""


class House(World):
    """A project whose rooms lie in target/."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        shutil.copytree(ROOMS, root / "providers/rooms")

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "AIVP_PROVIDERS": str(self.root / "providers")}

    def build(self, resources: str) -> None:
        """Declare resources, with `ROOT` for the folder of all rooms."""
        self.declare(HEAD + resources.replace("ROOT", "${var.root}/target"))

    def addresses(self) -> list[str]:
        """What state knows."""
        return [str(address) for (address,) in self.state_rows("SELECT address FROM objects ORDER BY address")]

    def settled(self) -> None:
        """There is nothing to do."""
        result = self.aivp("plan", "--detailed-exitcode")
        assert result.code == 0, result.text


@pytest.fixture
def house(tmp_path: Path, warm: Callable[[Path], None]) -> Iterator[House]:
    made = House(tmp_path / "world")
    warm(made.host)
    yield made
    made.clean_up()
