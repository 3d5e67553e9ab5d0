"""A project in a bare git repository, its state in a real PostgreSQL, runners for it, and a stranger with a fork."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aivp.cli.commands import COMMANDS
from tests.e2e.ci.forge import ID, Forge
from tests.e2e.ci.github import Job, Runner
from tests.state import server as servers
from tests.state.server import Server

PASSWORD = "planted-in-the-tests-of-ci"
PROJECT = """aivp: v1
project: shop
state: {{postgres: {{host: {server}, database: shop}}}}
secrets: {{db: {{env: DB_PASSWORD}}}}
hosts: {{lab: {{transport: local}}}}
resources:
  file.motd: {{path: {things}/motd, content: "one\\n"}}
  file.conf: {{path: {things}/conf, content: "password = ${{secret.db}}\\n"}}
"""
FORK = 99


@dataclass
class World:
    """`things`: what the project keeps; `work`: a maintainer's checkout."""

    root: Path
    forge: Forge
    runner: Runner
    server: Server

    @property
    def things(self) -> Path:
        return self.root / "things"

    @property
    def work(self) -> Path:
        return self.root / "work"

    def git(self, *words: str) -> str:
        return self.forge.git(self.work, *words)

    @property
    def main(self) -> str:
        return self.git("rev-parse", "main")

    def propose(self, number: int, old: str, new: str, owner: str = "eve", branch: str = "main") -> str:
        """A stranger's pull request that replaces a text of the project; the commit."""
        self.git("checkout", "-q", "-B", "proposal", "main")
        path = self.work / "aivp.yaml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        self.git("commit", "-qam", "propose")
        self.git("push", "-q", "--force", "origin", f"proposal:refs/pull/{number}/head")
        sha = self.git("rev-parse", "proposal")
        self.forge.ask(number, owner, branch, sha)
        return sha

    def merge(self, number: int) -> str:
        """A maintainer merges it; the merge commit."""
        self.git("checkout", "-q", "main")
        self.git("fetch", "-q", "origin", f"refs/pull/{number}/head")
        self.git("merge", "-q", "--no-ff", "-m", "merge", "FETCH_HEAD")
        self.git("push", "-q", "origin", "main")
        self.forge.close(number, self.main)
        return self.main

    def record(self) -> Job:
        return self.runner.run("aivp-record.yml", event={}, event_name="schedule", sha=self.main)["record"]

    def plan(self, number: int, sha: str) -> Job:
        """The stranger's own job, on a branch of the fork that is called main, too."""
        about = {"event": {"number": number}, "event_name": "pull_request", "sha": sha, "repository": FORK}
        return self.runner.run("aivp-plan.yml", **about, is_trusted=False)["plan"]

    def comment(self, sha: str, run: int, **more: Any) -> Job:
        """What GitHub starts when the run `run` has ended."""
        head = {"head_repository": {"owner": {"login": "eve"}}, "head_branch": "main", "head_sha": sha}
        about = {"id": run, "conclusion": "success", "event": "pull_request", **head, **more}
        event = {"workflow_run": about}
        return self.runner.run("aivp-comment.yml", event=event, event_name="workflow_run", sha=self.main)["comment"]

    def apply(self, digest: str = "") -> Mapping[str, Job]:
        """After a push to main; or by hand, with a digest."""
        inputs = {"digest": digest} if digest else {}
        name = "workflow_dispatch" if digest else "push"
        return self.runner.run("aivp-apply.yml", event={}, event_name=name, sha=self.main, inputs=inputs)

    def stranger_uploads(self, name: str, files: Mapping[str, bytes], sha: str, **more: object) -> int:
        """An artifact of a job that the stranger wrote; its run."""
        self.runner.runs += 1
        run = {"id": self.runner.runs, "head_branch": "main", "head_sha": sha}
        self.forge.upload(name, files, {**run, "head_repository_id": FORK, "repository_id": ID, **more})
        return self.runner.runs

    def plan_in(self, number: int) -> dict[str, Any]:
        """The plan in an artifact."""
        found: dict[str, Any] = json.loads(self.body(number))
        return found

    def body(self, number: int) -> bytes:
        import zipfile

        with zipfile.ZipFile(self.root / f"forge/{number}.zip") as archive:
            return archive.read(archive.namelist()[0])


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if servers.programs() is None:
        pytest.skip(servers.MISSING)
    with servers.running() as found:
        yield found


@pytest.fixture
def world(tmp_path: Path, server: Server, warm: Callable[[Path], None]) -> World:
    """A project that nobody has applied yet."""
    for tool in ("jq", "unzip"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
    if "diff" not in COMMANDS:
        pytest.skip("needs aivp diff")
    login = server.database("shop")
    forge = Forge.make(tmp_path)
    (tmp_path / "things").mkdir()
    warm(tmp_path / "host")
    environ = {"AIVP_HOST_STATE": str(tmp_path / "host"), "DB_PASSWORD": PASSWORD}
    secrets = {"PGUSER": login["PGUSER"], "PGPASSWORD": login["PGPASSWORD"], "AIVP_SSH_KEY": "the key"}
    world = World(
        tmp_path, forge, Runner(forge, environ, secrets, {"AIVP_KNOWN_HOSTS": "web ssh-ed25519 AAAA"}), server
    )
    forge.git(tmp_path, "clone", "-q", "origin.git", "work")
    world.git("checkout", "-q", "-b", "main")
    (world.work / "aivp.yaml").write_text(PROJECT.format(server=server.folder, things=world.things))
    (world.work / ".gitignore").write_text(".aivp\n")
    world.git("add", "-A")
    world.git("commit", "-qm", "begin")
    world.git("push", "-q", "origin", "main")
    return world


@pytest.fixture
def going(world: World) -> World:
    """The same, applied by somebody at a keyboard, and evidence of it on the branch."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    environ = {"PATH": path, "HOME": str(world.root), **world.runner.environ, **world.runner.secrets}
    for words in ("apply -y", "observe -o evidence.json"):
        subprocess.run(["aivp", *words.split()], cwd=world.work, env=environ, check=True, capture_output=True)
    world.git("checkout", "-q", "--orphan", "aivp-evidence")
    world.git("rm", "-q", "--cached", "-r", ".")
    world.git("add", "evidence.json")
    world.git("commit", "-qm", "evidence")
    world.git("push", "-q", "origin", "aivp-evidence")
    world.git("checkout", "-q", "-f", "main")
    return world
