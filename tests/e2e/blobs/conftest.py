"""A world with a source of some size, which a gate stands before."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.faults.world import World

PROJECT = """
aivp: v1
project: blobs
variables: {{root: {{type: string}}}}
hosts: {{here: {{transport: exec, command: ["{python}", "{gate}", "{root}", "{limit}"]}}}}
resources:
  file.first: {{path: "${{var.root}}/target/first", content: "first\\n"}}
  file.large: {{path: "${{var.root}}/target/large", source: files/large, mode: "0640", depends_on: [file.first]{more}}}
"""

SIZE = 24 * 1024 * 1024 + 77
LIMIT = 12 * 1024 * 1024


class Gated:
    """`world` with the project declared. `content` is what the source holds."""

    def __init__(self, world: World, *, limit: int = LIMIT) -> None:
        self.world = world
        self.limit = limit
        self.content = b""
        (world.project / "files").mkdir()
        self.declare()
        self.write(random.Random(1).randbytes(SIZE))

    def declare(self, more: str = "") -> None:
        gate = Path(__file__).with_name("gate.py")
        names = {"python": sys.executable, "gate": gate, "root": self.world.root, "limit": self.limit, "more": more}
        self.world.declare(PROJECT.format(**names))

    def write(self, content: bytes) -> None:
        self.content = content
        (self.world.project / "files/large").write_bytes(content)

    @property
    def source(self) -> Path:
        return self.world.project / "files/large"

    @property
    def target(self) -> Path:
        return self.world.target / "large"

    def passed(self) -> int:
        """Bytes that the last session took to the host."""
        return int((self.world.root / "passed").read_text())

    def check_done(self) -> None:
        """Everything is as declared, and nothing of the transfer is left."""
        assert self.target.read_bytes() == self.content
        assert self.target.stat().st_mode & 0o777 == 0o640
        assert not (self.world.host / "blobs").exists()
        assert sorted(path.name for path in self.world.target.iterdir()) == ["first", "large"]
        assert self.world.aivp("plan", "--detailed-exitcode").code == 0
        assert self.world.state_rows("SELECT status FROM runs WHERE status IN ('open', 'interrupted')") == []
        assert self.world.host_rows("SELECT status FROM runs WHERE status = 'open'") == []
        self.world.await_quiet()


@pytest.fixture
def world(tmp_path: Path, warm: Callable[[Path], None]) -> Iterator[World]:
    made = World(tmp_path / "world")
    warm(made.host)
    yield made
    made.clean_up()


@pytest.fixture
def gated(world: World) -> Gated:
    return Gated(world)
