"""Says a line, runs a command, shows both: what a person at a terminal would see. Knows none of the stories."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path

_PASSED_ON = ("COLUMNS", "LANG", "LC_ALL", "NO_COLOR", "PATH", "TERM")
_PATIENCE = 20.0


class Failed(Exception):
    """A command ended otherwise than the story tells."""


class Stage:
    """`scratch` is a folder that goes with the demo: project, state and the home of all commands lie in it.

    `prefix` is put before every command, such as one that runs it in another network.
    """

    def __init__(self, scratch: Path, aivp: Path, environ: Mapping[str, str]) -> None:
        self.scratch = scratch
        self.project = scratch / "project"
        self.begun = time.monotonic()
        self.environ = {name: environ[name] for name in _PASSED_ON if name in environ}
        # Nothing of the person's own: neither their variables nor what aivp remembers of this machine.
        self.environ |= {"HOME": str(scratch), "AIVP_HOST_STATE": str(scratch / "host-state")}
        self.prefix: list[str] = []
        self._aivp = aivp

    @property
    def seconds(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self.begun

    def take_project(self, folder: Path) -> None:
        """Work in a copy of `folder`."""
        shutil.copytree(folder, self.project)

    def say(self, text: str) -> None:
        """A paragraph for the person."""
        print("\n" + "\n".join(textwrap.wrap(" ".join(text.split()), 96)), flush=True)

    def show(self, text: str) -> None:
        """Something's own words, indented."""
        print(textwrap.indent(text.rstrip("\n"), "    "), flush=True)

    def aivp(self, command: str, code: int = 0) -> None:
        """Run `aivp COMMAND` in the project and let it speak for itself. Raises Failed unless it ends with `code`."""
        print(f"\n$ aivp {command}", flush=True)
        found = self._run([str(self._aivp), *shlex.split(command)])
        if found != code:
            raise Failed(f"aivp {command} ended with {found}, not {code}")
        if code:
            print(f"(exit code {code})", flush=True)

    def answer(self, argv: list[str]) -> str:
        """What another command prints. Raises Failed unless it ends with 0."""
        done = subprocess.run([*self.prefix, *argv], env=self.environ, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"{argv[0]} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def _run(self, argv: list[str]) -> int:
        process = subprocess.Popen([*self.prefix, *argv], cwd=self.project, env=self.environ, stdin=subprocess.DEVNULL)
        try:
            return process.wait()
        except BaseException as error:
            # Ctrl-C reaches the command by itself, and it finishes the step in hand before it ends.
            if not isinstance(error, KeyboardInterrupt):
                process.send_signal(signal.SIGINT)
            _end(process)
            raise


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
