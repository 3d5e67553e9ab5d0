"""A throwaway host together with a driver of the provider inside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aivp_contract.values import Json
from aivp_host.command import CommandKind
from aivp_host.group import GroupKind
from aivp_host.package import PackageKind
from aivp_host.package_index import PackageIndexKind
from aivp_host.service import ServiceKind
from aivp_host.user import UserKind
from aivp_sdk import Provider

from tests import lab
from tests.providers.driver import Config, Convergence, Failed, RemoteDriver


@dataclass(frozen=True)
class World:
    host: lab.Host
    driver: RemoteDriver

    @classmethod
    @contextmanager
    def of(cls, host: lab.Host) -> Iterator[World]:
        kinds = [CommandKind(), GroupKind(), PackageKind(), PackageIndexKind(), ServiceKind(), UserKind()]
        provider = Provider("host", "0.1.0", kinds)
        with RemoteDriver(provider, host.argv) as driver:
            yield cls(host, driver)

    def sh(self, script: str, check: bool = True) -> str:
        """Run a script as root in the host; what it printed."""
        return self.host.run(["sh", "-c", script], check=check).stdout

    def processes(self) -> int:
        """A number that grows by one with each process that the host starts."""
        return int(self.sh("echo $$"))

    def converge(self, kind: str, *, prior: Config | None = None, **config: Json) -> Convergence:
        """One pass that must succeed, hold its prediction and leave nothing to do, also to an apply that runs twice."""
        done = self.driver.converge(kind, config, prior=prior).check()
        if done.decision.action != "no-op":
            before = lab.snapshot(self.host)
            self.driver.apply(kind, config, done.before, done.decision, prior=prior)
            assert self.difference(before) == (), "the second apply changed something"
        return done

    def changes(self, kind: str, **config: Json) -> dict[str, Any]:
        """What a pass changed: JSON pointer → new value; empty for a no-op."""
        return {change.path: change.after for change in self.converge(kind, **config).decision.changes}

    def refused(self, kind: str, *, prior: Config | None = None, **config: Json) -> dict[str, Json]:
        """The error of a pass that must fail and change nothing."""
        before = lab.snapshot(self.host)
        with pytest.raises(Failed) as failed:
            self.driver.converge(kind, config, prior=prior)
        assert self.difference(before) == (), "it was refused, and yet something changed"
        return dict(failed.value.error)

    def difference(self, before: lab.Snapshot) -> tuple[str, ...]:
        """What has changed on the host since, but for the scope that the shim itself lives in."""
        return lab.difference(before, lab.snapshot(self.host), ignore=("unit-file:aivp-shim-*", "unit:aivp-shim-*"))
