"""A project on the local host in a folder of its own, and commands whose end, time and memory are watched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from aivp.diagnostics.catalogue import SUMMARIES
from tests import schemas

AIVP = Path(sys.executable).with_name("aivp")
CALM = "aivp: v1\nproject: calm\nhosts: {lab: {transport: local}}\n"

MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""
"""Runs a command and notes its peak in KiB. The kernel counts into it what the forking process held: so this small one
forks, and not the test runner, which may hold hundreds of megabytes."""


@dataclass(frozen=True)
class Ended:
    """How a command ended; `megabytes` is the most that it, or a child of it, ever took."""

    code: int
    out: str
    err: str
    megabytes: int

    @property
    def codes(self) -> list[str]:
        """The codes of its diagnostics."""
        return [line[6:14] for line in self.err.splitlines() if line.startswith("error[")]


@dataclass(frozen=True)
class Place:
    """A project's folder. `things` is where it may make something."""

    folder: Path
    things: Path
    environ: Mapping[str, str]

    def put(self, files: Mapping[str, str | bytes]) -> None:
        """Write files beneath the folder."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def aivp(self, *words: str, wrap: Sequence[str] = (), seconds: float = 60, stdin: bytes = b"", **env: str) -> Ended:
        """Run a command; it must end in `seconds`, in peace and with one of the codes that DESIGN lists."""
        peak = self.folder.parent / f"{self.folder.name}.peak"
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", MEASURE, str(peak), *wrap, str(AIVP), *words],
            cwd=self.folder,
            env={**self.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        watch = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
        watch.start()
        said: list[bytes] = [b"", b""]
        readers = [
            threading.Thread(target=lambda i=i, s=s: said.__setitem__(i, s.read()))
            for i, s in enumerate((process.stdout, process.stderr))
        ]
        for reader in readers:
            reader.start()
        with process.stdin:
            process.stdin.write(stdin)
        for reader in readers:
            reader.join()
        process.wait()
        watch.cancel()
        out, err = (part.decode(errors="replace") for part in said)
        schemas.check_lines(words, out)
        ended = Ended(process.returncode, out, err, int(peak.read_text()) // 1024)
        assert "Traceback" not in out + err, out + err
        assert "AIVP0999" not in out + err, out + err
        assert ended.code in (0, 1, 2, 3, 4, 5, 130), (ended.code, out, err)
        return ended

    def refused(self, *words: str, code: int = 1, most: int = 300, **options) -> Ended:
        """Run a command that has to end with `code` and diagnostics of the catalogue, in `most` megabytes."""
        ended = self.aivp(*words, **options)
        assert ended.code == code, (ended.code, ended.out, ended.err)
        assert ended.codes, ended.err
        assert set(ended.codes) <= set(SUMMARIES), ended.codes
        assert ended.megabytes <= most, f"{ended.megabytes} MB"
        return ended

    def succeed(self, *words: str, **options) -> Ended:
        """Run a command that has to end with 0."""
        ended = self.aivp(*words, **options)
        assert ended.code == 0, (ended.code, ended.out, ended.err)
        return ended


@pytest.fixture
def place(tmp_path: Path, warm: Callable[[Path], None]) -> Place:
    """An empty project with a local host."""
    folder, things, home = tmp_path / "project", tmp_path / "things", tmp_path / "home"
    for made in (folder, things, home):
        made.mkdir()
    warm(tmp_path / "host")
    environ = {
        "HOME": str(home),
        "PATH": f"{AIVP.parent}:/usr/local/bin:/usr/bin:/bin",
        "AIVP_HOST_STATE": str(tmp_path / "host"),
    }
    found = Place(folder, things, environ)
    found.put({"aivp.yaml": CALM})
    return found


@pytest.fixture
def calm(place: Place) -> Place:
    """A project with one file that is applied already."""
    place.put({"aivp.yaml": f"{CALM}resources:\n  file.a: {{host: lab, path: {place.things}/a, content: x}}\n"})
    place.succeed("apply", "-y")
    return place


def in_process(place: Place, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Commands without a process each; exit code and what it said."""
    from click.testing import CliRunner

    from aivp.cli.commands import cli

    monkeypatch.chdir(place.folder)
    for name, value in place.environ.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, list(words))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    return run
