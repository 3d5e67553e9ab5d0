"""A copy of an example, and the commands that a person would give in it; every answer's exit code is checked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests import schemas

EXAMPLES = Path(__file__).parents[3] / "examples"
_AIVP = Path(sys.executable).with_name("aivp")
_SECONDS = 120.0


@dataclass(frozen=True)
class Project:
    """`options` go with every command: an environment, a variable. seconds: how long one command may take."""

    folder: Path
    environ: Mapping[str, str]
    options: tuple[str, ...] = ()
    seconds: float = _SECONDS

    def aivp(self, command: str, *arguments: str, code: int = 0) -> str:
        """Run `aivp COMMAND`; what it printed, errors behind the rest."""
        done = subprocess.run(
            [str(_AIVP), *command.split(), *self.options, *arguments],
            cwd=self.folder,
            env=dict(self.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self.seconds,
            check=False,
        )
        said = done.stdout + done.stderr
        words = [*command.split(), *arguments]
        schemas.check_lines(words, done.stdout)
        if done.returncode == 0 and "-o" in words:
            schemas.check_artifact(words, self.folder)
        assert done.returncode == code, f"aivp {command} ended with {done.returncode}, not {code}:\n{said}"
        return said

    def in_environment(self, name: str) -> Project:
        """The same folder and `-e NAME`."""
        return Project(self.folder, self.environ, ("-e", name))

    def apply_as_planned(self, *options: str) -> str:
        """The reviewed way: validate, write a plan, apply exactly that, find nothing left to do. The plan's text."""
        self.aivp("validate", *options)
        self.aivp("compile -o ir.json", *options)
        self.aivp("observe -o evidence.json", *options)
        shown = self.aivp("plan -o plan.json", *options)
        self.aivp("apply plan.json", *options)
        self.nothing_to_do(*options)
        return shown

    def nothing_to_do(self, *options: str) -> None:
        """A plan that is empty says so with exit code 0."""
        assert "No changes" in self.aivp("plan --detailed-exitcode", *options)

    def mends(self, address: str, *options: str) -> None:
        """What somebody did to `address` by hand is found as drift (exit code 2), and one apply mends it."""
        shown = self.aivp("drift", *options, code=2)
        assert address in shown, shown
        assert "drift" in shown, shown
        self.aivp("apply -y", *options)
        self.aivp("drift", *options)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the one place in a file of the project where `old` stands."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")
