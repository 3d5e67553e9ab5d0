"""A project, its host's state folder and its target under one folder, so that a copy of it can be put back in place."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests import schemas

AIVP = str(Path(sys.executable).parent / "aivp")
PATIENCE = 60.0
"""Seconds after which something that should happen soon counts as not happening."""


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it said on both streams."""

    code: int
    text: str


class World:
    """Everything lies below `root`: project/, host/ (the runner's state), target/, ledger."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root / "project"
        self.host = root / "host"
        self.target = root / "target"
        self.ledger = root / "ledger"
        for folder in (self.project, self.target):
            folder.mkdir(parents=True)
        self.ledger.touch()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every aivp that is started here; also the mark by which its processes are found."""
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.root / "home"),
            "AIVP_HOST_STATE": str(self.host),
            "AIVP_VAR_root": str(self.root),
            "FAULT_TOKEN": "a-secret-of-the-test",
            "AIVP_DEBUG": "1",
        }

    def declare(self, text: str, name: str = "aivp.yaml") -> None:
        """Write a file of the project."""
        (self.project / name).write_text(text)

    def start(self, *arguments: str, before: tuple[str, ...] = (), **options: object) -> subprocess.Popen[str]:
        """Start aivp; `before` stands in front of it, such as a tracer."""
        return subprocess.Popen(
            [*before, AIVP, *arguments],
            cwd=self.project,
            env={**self.environment, **options.pop("env", {})},  # type: ignore[dict-item]
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,  # type: ignore[call-overload]
        )

    def aivp(self, *arguments: str, before: tuple[str, ...] = (), **env: str) -> Result:
        """Run aivp to its end. A traceback is never an answer."""
        process = self.start(*arguments, before=before, env=env)
        try:
            text, _ = process.communicate(timeout=10 * PATIENCE)
        finally:
            process.kill()
        assert "Traceback" not in text, text
        assert "AIVP0999" not in text, text
        schemas.check_lines(arguments, text)
        return Result(process.returncode, text)

    def succeed(self, *arguments: str) -> str:
        """Run aivp, which must exit with 0."""
        result = self.aivp(*arguments)
        assert result.code == 0, result.text
        return result.text

    def lines(self) -> list[str]:
        """What the commands wrote into the ledger."""
        return self.ledger.read_text().splitlines()

    def save(self, place: Path) -> None:
        """Keep a copy of everything."""
        subprocess.run(["cp", "-a", str(self.root), str(place)], check=True)

    def restore(self, place: Path) -> None:
        """Put a copy back, at the same paths."""
        shutil.rmtree(self.root)
        subprocess.run(["cp", "-a", str(place), str(self.root)], check=True)

    # --- What is there -------------------------------------------------------------------------------------------

    def processes(self) -> dict[int, str]:
        """Processes that belong to this world: pid → command line."""
        mark = f"AIVP_HOST_STATE={self.host}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0") or self._works_here(entry):
                        found[int(entry.name)] = (entry / "cmdline").read_bytes()[:120].decode(errors="replace")
                except OSError:
                    continue
        return found

    def _works_here(self, entry: Path) -> bool:
        """Commands get an environment of their own; ours name the ledger, or run below the root."""
        return str(self.root).encode() in (entry / "cmdline").read_bytes()

    def await_quiet(self) -> None:
        """Return when no process of this world is left; fail where one stays."""
        until = time.monotonic() + PATIENCE
        while (left := self.processes()) and time.monotonic() < until:
            time.sleep(0.02)
        assert not left, f"left behind: {left}"

    def clean_up(self) -> None:
        """Kill whatever a failed test left running."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def host_rows(self, query: str) -> list[tuple[object, ...]]:
        """A query on what the host remembers."""
        return _query(self.host / "host.db", query)

    def state_rows(self, query: str) -> list[tuple[object, ...]]:
        """A query on the environment's state."""
        return _query(self.project / ".aivp/main/state.db", query)

    def end_state(self) -> dict[str, object]:
        """Everything that must be as after an unfaulted run, and nothing that names a run or a time."""
        objects = [
            json.loads(str(body)) for (body,) in self.state_rows("SELECT body FROM objects ORDER BY address, deposed")
        ]
        return {
            "target": _tree(self.target),
            "ledger": self.lines(),
            "objects": objects,
            "registry": self.host_rows(
                "SELECT kind, identity, address, provenance, lifecycle, edges, declaration FROM registry ORDER BY 1, 2"
            ),
            "pending": self.host_rows("SELECT address FROM pending"),
            "open runs": [
                *self.host_rows("SELECT status FROM runs WHERE status = 'open'"),
                *self.state_rows("SELECT status FROM runs WHERE status IN ('open', 'interrupted')"),
            ],
            "files": self._files(),
        }

    def _files(self) -> list[str]:
        """Names of everything beside the target; logs of runs, and SQLite's own files, come and go."""
        names = (str(path.relative_to(self.root)) for path in self.root.rglob("*"))
        noise = ("target/", "project/.aivp/main/runs/", "host/host.db-", "project/.aivp/main/state.db-")
        return sorted(name for name in names if not name.startswith(noise))

    def check_provenance(self) -> None:
        """State and host agree about what was created here, for it alone may be deleted."""
        known = {(item["kind"], item["address"]): item["provenance"] for item in self.end_state()["objects"]}  # type: ignore[attr-defined]
        rows = self.host_rows("SELECT kind, address, provenance FROM registry")
        assert known == {(kind, address): provenance for kind, address, provenance in rows}


def _query(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path, timeout=30)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def _tree(folder: Path) -> dict[str, tuple[str, str, str]]:
    """Relative path → type, mode and content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_text() if stat.S_ISREG(status.st_mode) else ""
        found[str(path.relative_to(folder))] = (stat.filemode(status.st_mode), str(status.st_uid), content)
    return found
