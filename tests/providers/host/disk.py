"""A folder to work in and the way to the `file` kind: what the tests of files share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aivp_contract.diff import Decision
from aivp_contract.observation import Observation
from aivp_host.file import FileKind
from aivp_sdk import Provider

from tests.providers.driver import Convergence, Driver

PROVIDER = Provider("host", "0.1.0", [FileKind()])

Config = dict[str, Any]


@dataclass
class Disk:
    """Paths are relative to `root`, whose links are resolved."""

    root: Path
    driver: Driver

    def path(self, name: str = "it") -> Path:
        return self.root / name

    def config(self, name: str = "it", /, **fields: Any) -> Config:
        return {"path": str(self.path(name)), **fields}

    def converge(self, name: str = "it", /, **fields: Any) -> Convergence:
        """One pass that must hold its word, and a second apply that must touch nothing."""
        config = self.config(name, **fields)
        done = self.driver.converge("file", config).check()
        self.check_idle(config, done.after)
        assert not self.leftovers()
        return done

    def check_idle(self, config: Config, seen: Observation) -> None:
        """An apply of what is already there mutates nothing, down to the inode and its times."""
        before = self.snapshot()
        self.driver.apply("file", config, seen, Decision("update"))
        assert self.snapshot() == before

    def observe(self, name: str = "it", /, **fields: Any) -> Observation:
        return self.driver.observe("file", self.config(name, **fields))

    def decide(self, name: str = "it", /, **fields: Any) -> Decision:
        config = self.config(name, **fields)
        return self.driver.decide("file", config, self.driver.observe("file", config))

    def delete(self, name: str = "it", /, **fields: Any) -> Observation:
        return self.driver.delete("file", self.config(name, **fields))

    def converge_many(self, configs: Sequence[Config]) -> None:
        """All in one request each for observe, apply and observe."""
        seen = [self._observation(answer) for answer in self.driver.observe_many("file", configs)]
        decisions = [self.driver.decide("file", config, one) for config, one in zip(configs, seen, strict=True)]
        for answer in self.driver.apply_many("file", configs, seen, decisions):
            assert "error" not in answer, answer
        again = [self._observation(answer) for answer in self.driver.observe_many("file", configs)]
        actions = {self.driver.decide("file", c, one).action for c, one in zip(configs, again, strict=True)}
        assert actions == {"no-op"}

    def leftovers(self) -> list[Path]:
        """What unfinished work leaves; a backup is none."""
        return list(self.root.rglob(".aivp-*"))

    def snapshot(self) -> dict[str, tuple[Any, ...]]:
        """Everything beneath the root with its inode, times and content."""
        return {str(path.relative_to(self.root)): _shape(path) for path in sorted(self.root.rglob("*"))}

    @staticmethod
    def _observation(answer: dict[str, Any]) -> Observation:
        assert "error" not in answer, answer
        return Observation(**answer["observation"])


def _shape(path: Path) -> tuple[Any, ...]:
    found = path.lstat()
    target = os.readlink(path) if path.is_symlink() else None
    times = (found.st_mtime_ns, found.st_ctime_ns)
    return (found.st_ino, found.st_mode, found.st_uid, found.st_gid, found.st_nlink, *times, found.st_size, target)
