"""A host of the matrix with a way to it, and aivp in a project of its own: commands in, JSON lines out."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests import lab
from tests.lab.errors import LabError
from tests.lab.processes import children
from tests.matrix import calls
from tests.matrix.case import HOST, Case

Way = Literal["local", "ssh"]
WAYS: tuple[Way, ...] = ("local", "ssh")

PATHS = ("/etc", "/home", "/lib/systemd/system", "/opt", "/root", "/srv", "/usr/local", "/var/lib/apt/lists")

_AIVP = Path(sys.executable).with_name("aivp")
_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended. `lines`: what it printed with --json."""

    code: int
    lines: tuple[dict[str, Any], ...]
    errors: str

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Lines of a type by address; of several for one address the last."""
        return {line["address"]: line for line in self.lines if line["type"] == kind and "address" in line}


@dataclass(frozen=True)
class Place:
    """`local`: aivp starts the runner as its own child, by nsenter; `ssh`: in a session as deploy, who becomes root."""

    network: lab.Network
    host: lab.SshHost
    way: Way
    scratch: Path
    stopped: threading.Event

    def declare(self, project: str, cases: Sequence[Case]) -> Path:
        """A project with these resources; its folder."""
        folder = self.scratch / project
        (folder / "files").mkdir(parents=True, exist_ok=True)
        (folder / "files/two.txt").write_text("one\ntwo\n", encoding="utf-8")
        declared = {f"{case.kind}.{case.name}": case.declared for case in cases}
        document = {"aivp": "v1", "project": project, "hosts": {HOST: self._connection()}, "resources": declared}
        (folder / "aivp.yaml").write_text(json.dumps(document, indent=1), encoding="utf-8")
        return folder

    def aivp(self, folder: Path, command: str, trace: Path | None = None) -> Said:
        """Run `aivp COMMAND --json`; with `trace`, every system call of the runner goes there."""
        if self.stopped.is_set():
            raise LabError("The matrix was stopped.")
        prefix: list[str] = self.network.argv if self.way == "ssh" else []
        watching: AbstractContextManager[None] = nullcontext()
        if trace is not None and self.way == "ssh":
            watching = calls.traced(self._sshd(), trace)
        elif trace is not None:
            prefix = calls.tracing(trace)
        with watching:
            done = subprocess.run(
                [*prefix, str(_AIVP), *command.split(), "--json"],
                cwd=folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        return Said(done.returncode, tuple(map(json.loads, done.stdout.splitlines())), done.stderr)

    def snapshot(self) -> lab.Snapshot:
        return lab.snapshot(self.host.host, PATHS)

    def prepare(self, *scripts: str) -> None:
        """Scripts as root on the host, one after the other, before aivp comes; CommandFailed with the words of one."""
        self.host.host.write("/run/worlds", "set -e\n" + "\n".join(scripts))
        self.host.host.run(["sh", "/run/worlds"], timeout=_SECONDS)

    def _connection(self) -> dict[str, Any]:
        if self.way == "local":
            return {"transport": "exec", "command": self.host.host.argv}
        return {"transport": "ssh", "address": self.host.address, "user": "deploy", "become": "sudo"}

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.scratch),
            "AIVP_SSH": shlex.join(["ssh", "-F", str(self.network.client.config)]),
        }

    def _sshd(self) -> int:
        """The host's listening sshd, a child of its init."""
        for pid in children(self.host.host.pid):
            if _program(pid).endswith("/sshd"):
                return pid
        raise LabError(f"No sshd runs on {self.host.name}.")


@contextmanager
def places(suite: str, ways: Sequence[Way], scratch: Path) -> Iterator[tuple[Place, ...]]:
    """A fresh host of the suite for each way, alike in all but how it is reached."""
    with lab.network() as network:
        hosts = network.hosts(dict.fromkeys(ways, suite))
        stopped = threading.Event()
        found = []
        for way, host in zip(ways, hosts, strict=True):
            folder = scratch / f"{suite}-{way}"
            folder.mkdir()
            host.host.run(["sh", "-c", f"hostname {HOST}; echo {HOST} > /etc/hostname"])
            host.host.write("/etc/hosts", f"127.0.0.1\tlocalhost {HOST}\n::1\tlocalhost\n")
            found.append(Place(network, host, way, folder, stopped))
        try:
            yield tuple(found)
        except BaseException:
            stopped.set()
            raise


def _program(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return ""
