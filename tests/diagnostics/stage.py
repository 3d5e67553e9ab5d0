"""Where examples are played: a folder with their files, a home and a host memory of their own, and lines of a shell."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

AIVP = Path(sys.executable).with_name("aivp")

_PURE = re.compile(r"aivp validate(?: -e [a-z]+)?")
"""A line that needs no shell and leaves nothing behind: it is done in this process, since two hundred of them are."""

_CODE = re.compile(r"(?:error|warning)\[(AIVP\d{4})\]")


@dataclass
class Stage:
    """`folder` is the project; `said` gathers all that its commands printed."""

    root: Path
    folder: Path
    environ: dict[str, str]
    said: str = ""
    code: int = 0

    @classmethod
    def build(cls, root: Path) -> Stage:
        """An empty folder, and nothing of this machine's in reach."""
        folder, home = root / "project", root / "home"
        for made in (folder, home):
            made.mkdir(parents=True)
        environ = {
            "HOME": str(home),
            "PATH": f"{AIVP.parent}:/usr/local/bin:/usr/bin:/bin",
            "AIVP_HOST_STATE": str(root / "host"),
            "LANG": "C.UTF-8",
            "COLUMNS": "100",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
        }
        return cls(root, folder, environ)

    def put(self, files: Mapping[str, str]) -> None:
        """Write files beneath the folder; a program of ours can be started."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if text.startswith("#!"):
                path.chmod(0o755)

    def play(self, lines: Sequence[str]) -> None:
        """Every line, in their order; the last one's exit code stays."""
        for line in lines:
            if _PURE.fullmatch(line):
                self._call(line.split()[1:])
            else:
                self.shell(line)

    def aivp(self, *words: str, **environ: str) -> str:
        """One command in a process of its own; what it said."""
        return self._run([str(AIVP), *words], environ)

    def shell(self, line: str, **environ: str) -> str:
        """One line of a shell."""
        return self._run(["/bin/sh", "-c", line], environ)

    def _call(self, words: Sequence[str]) -> None:
        from click.testing import CliRunner

        from aivp.cli.commands import cli

        with contextlib.chdir(self.folder):
            done = CliRunner().invoke(cli, list(words), env=dict(self.environ))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        self.hear(done.output)
        self.code = done.exit_code

    def _run(self, argv: Sequence[str], environ: Mapping[str, str]) -> str:
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=120,
        )
        text = (done.stderr + done.stdout).decode(errors="replace")
        assert "Traceback" not in text, text
        self.hear(text)
        self.code = done.returncode
        return text

    def hear(self, text: str) -> None:
        """Take in what was said elsewhere."""
        self.said += text

    @property
    def codes(self) -> set[str]:
        """Every code that was said."""
        return set(_CODE.findall(self.said))
