"""Three releases behind real sshd, and a project on them: one network for all tests of SSH."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import lab
from tests.e2e.faults.world import AIVP, Result

SUITES = {"web1": "bullseye", "web2": "bookworm", "web3": "trixie"}


@pytest.fixture(scope="session")
def network() -> Iterator[lab.Network]:
    """Hosts web1 (Debian 11), web2 (12) and web3 (13)."""
    for suite in SUITES.values():
        if (reason := lab.network_available(suite)) is not None:
            pytest.skip(reason)
    with lab.network() as laid:
        laid.hosts(SUITES)
        yield laid


class Site:
    """A project whose hosts are those of the network. `ssh`: the options of `AIVP_SSH`."""

    def __init__(self, folder: Path, network: lab.Network) -> None:
        self.folder = folder
        self.network = network
        self.config = str(network.client.config)

    @property
    def environment(self) -> dict[str, str]:
        """Of every aivp; the links run in the network."""
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "AIVP_SSH": " ".join([*self.network.argv, "ssh", "-F", self.config]),
            "AIVP_DEBUG": "1",
        }

    def declare(self, text: str) -> None:
        """Write aivp.yaml."""
        (self.folder / "aivp.yaml").write_text(text)

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Start aivp."""
        return subprocess.Popen(
            [AIVP, *arguments],
            cwd=self.folder,
            env={**self.environment, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def aivp(self, *arguments: str, **env: str) -> Result:
        """Run aivp to its end. A traceback is never an answer."""
        process = self.start(*arguments, **env)
        try:
            text, _ = process.communicate(timeout=300)
        finally:
            process.kill()
        assert "Traceback" not in text, text
        return Result(process.returncode, text)

    def succeed(self, *arguments: str, **env: str) -> str:
        """Run aivp, which must exit with 0."""
        result = self.aivp(*arguments, **env)
        assert result.code == 0, result.text
        return result.text

    def on(self, name: str) -> lab.Host:
        """A host, to look at it from outside."""
        return next(found.host for found in self.network.all if found.name == name)


@pytest.fixture
def site(tmp_path: Path, network: lab.Network) -> Iterator[Site]:
    yield Site(tmp_path, network)
    for found in network.all:
        found.link.restore()
        found.host.run(["sh", "-c", "rm -rf /var/lib/aivp /home/*/.local /srv/site /var/tmp/ledger"])
