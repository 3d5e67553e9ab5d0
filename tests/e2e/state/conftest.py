"""A project in a git repository, its state in a real PostgreSQL, and checkouts that come and go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.state import server as servers
from tests.state.server import Server

AIVP = str(Path(sys.executable).with_name("aivp"))
STATE = "state: {postgres: {timeout: 10, connect_timeout: 5}}"


@dataclass
class Ended:
    code: int
    said: str


@dataclass
class World:
    """`login`: libpq's environment of a role that owns the project's state and nothing else."""

    root: Path
    server: Server
    login: Mapping[str, str]
    count: int = 0
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def ledger(self) -> list[str]:
        """What the project's commands have done, a line each time."""
        path = self.root / "things/ledger"
        return path.read_text().split() if path.exists() else []

    def declare(self, resources: str, state: str = STATE) -> None:
        """Commit and push another declaration."""
        text = f"aivp: v1\nproject: shop\n{state}\nhosts: {{lab: {{transport: local}}}}\nresources:\n{resources}"
        (self.root / "origin/aivp.yaml").write_text(text)
        (self.root / "origin/.gitignore").write_text(".aivp\n")
        self.git("-C", "origin", "add", "-A")
        self.git("-C", "origin", "commit", "-qm", "declare")

    def noted(self, name: str, seconds: float = 0, more: str = "") -> str:
        """A command that leaves its name in the ledger, and takes a while."""
        script = f"echo {name} >> {self.root}/things/ledger; sleep {seconds}"
        return f"  command.{name}: {{host: lab, argv: [sh, -c, '{script}']{more}}}\n"

    def gated(self, name: str, more: str = "") -> str:
        """The same, which ends no sooner than the gate is opened."""
        things = self.root / "things"
        script = f"echo {name} >> {things}/ledger; until [ -e {things}/gate ]; do sleep 0.1; done"
        return f"  command.{name}: {{host: lab, argv: [sh, -c, '{script}']{more}}}\n"

    def open_gate(self) -> None:
        (self.root / "things/gate").touch()

    def git(self, *words: str) -> None:
        names = {f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.root), **names}
        subprocess.run(["git", *words], cwd=self.root, env=environ, check=True, capture_output=True)

    def clone(self) -> Path:
        """A fresh checkout, as a CI job gets it."""
        self.count += 1
        self.git("clone", "-q", "origin", f"job{self.count}")
        return self.root / f"job{self.count}"

    @property
    def environ(self) -> dict[str, str]:
        path = f"{Path(AIVP).parent}:/usr/local/bin:/usr/bin:/bin"
        return {"PATH": path, "HOME": str(self.root), "AIVP_HOST_STATE": str(self.root / "host"), **self.login}

    def aivp(self, checkout: Path, *words: str, code: int | None = 0, **env: str) -> Ended:
        """A command to its end."""
        done = subprocess.run(
            [AIVP, *words],
            cwd=checkout,
            env={**self.environ, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        ended = Ended(done.returncode, (done.stdout + done.stderr).decode())
        assert "Traceback" not in ended.said, ended.said
        assert "AIVP0999" not in ended.said, ended.said
        assert self.login["PGPASSWORD"] not in ended.said
        assert code is None or ended.code == code, ended
        return ended

    def begin(self, checkout: Path, *words: str) -> subprocess.Popen[bytes]:
        """A command that goes on by itself."""
        process = subprocess.Popen(
            [AIVP, *words],
            cwd=checkout,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.running.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> Ended:
        said, _ = process.communicate(timeout=120)
        assert b"Traceback" not in said, said
        return Ended(process.returncode, said.decode())

    def wait(self, holds: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, self.ledger
            time.sleep(0.02)

    def cut(self) -> None:
        """The server ends every session of this project."""
        who = self.login["PGUSER"]
        self.server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{who}'")


def _world(root: Path, server: Server, warm: Callable[[Path], None]) -> Iterator[World]:
    (root / "things").mkdir()
    warm(root / "host")
    world = World(root, server, server.database("shop"))
    world.git("init", "-q", "-b", "main", "origin")
    yield world
    world.open_gate()
    for process in world.running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if servers.programs() is None:
        pytest.skip(servers.MISSING)
    with servers.running() as found:
        yield found


@pytest.fixture
def world(tmp_path: Path, server: Server, warm: Callable[[Path], None]) -> Iterator[World]:
    """One project on one server, which others share."""
    yield from _world(tmp_path, server, warm)


@pytest.fixture
def mortal(tmp_path: Path, warm: Callable[[Path], None]) -> Iterator[World]:
    """The same on a server that may be stopped."""
    if servers.programs() is None:
        pytest.skip(servers.MISSING)
    with servers.running() as found:
        yield from _world(tmp_path, found, warm)
