"""A reader who does what a page says, in one shell and a fresh folder, and compares what is seen with what is shown.

`/tmp/lesson` in a page is that fresh folder, whose name is as long, so that lines break where they break for a person.
What differs each time by its nature is named in VOLATILE.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.docs.pages import Command, Save

LESSON = "/tmp/lesson"
PATIENCE = 180.0
"""Seconds for one command; a page that hangs says where."""

SLOW: tuple[str, ...] = (
    r" in (?:\d+ (?:h|min) )*\d+(?:\.\d+)? ?(?:h|min|ms|s)\b",
    r"(?m)^ *[\w-]+: at work on .* for .*\n?",
)
"""What is said only of what takes long, and so on a busy machine of other steps than on a quiet one: no difference."""

VOLATILE: Mapping[str, str] = {
    "RUN": r"\b[0-9a-f]{24}\b",
    "DIGEST": r"\b[0-9a-f]{64}\b",
    "ID": r"\b[0-9a-f]{32}\b",
    "SHORT": r"\b[0-9a-f]{12}\b",
    "KEY": r"\b[0-9a-f]{16}\b",
    "WHEN": r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z)?",
    "DURATION": r"(?<![\w.])\d+(\.\d+)? ?(ms|s)\b",
    "FREE": r"\b\d+(\.\d+)? [KMGT]iB\b",
}
"""What stands in place of each before two outputs are compared."""


def normal(text: str) -> str:
    """Without trailing blanks, and with names in place of what is another one each time."""
    for pattern in SLOW:
        text = re.sub(pattern, "", text)
    for name, pattern in VOLATILE.items():
        text = re.sub(pattern, name, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def agrees(shown: str, seen: str, *, is_ordered: bool = True) -> bool:
    """Whether an output is as the page shows it, whose `…` stand for anything.

    Where hosts work side by side, nobody knows whose line comes first: then the order of lines is no difference.
    """
    if not is_ordered and sorted(normal(shown).splitlines()) == sorted(normal(seen).splitlines()):
        return True
    parts = []
    for line in normal(shown).splitlines(keepends=True):
        if line.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(".*?".join(re.escape(part) for part in line.split("…")))
    return re.fullmatch("".join(parts) + r"\n?", normal(seen) + "\n") is not None


class Reader:
    """One bash, so that `cd` and `export` hold for what follows.

    `folder`: for what is no part of the lesson. `path`: folders to put before PATH. `start`: what is copied there.
    """

    def __init__(self, folder: Path, path: tuple[str, ...] = (), start: Path | None = None) -> None:
        self.folder = folder
        self._start = start
        self.lesson = Path(f"/tmp/{secrets.token_hex(3)}")
        (folder / "home").mkdir(parents=True, mode=0o700)
        self._environ = {
            "PATH": ":".join([*path, str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(folder / "home"),
            "AIVP_HOST_STATE": str(folder / "host"),
            "LANG": "C.UTF-8",
            "COLUMNS": "100",
        }
        self._shell: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.lesson.mkdir(mode=0o700)
        if self._start is not None:
            shutil.copytree(self._start, self.lesson, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self.lesson,
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._do("umask 022")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._shell is not None
        self._end()
        self._shell.communicate()
        shutil.rmtree(self.lesson)

    def save(self, item: Save) -> None:
        """Write a file where the reader stands now."""
        text = self._real(item.text)
        quoted = shlex.quote(item.name)
        said, code = self._do(f"mkdir -p -- $(dirname -- {quoted}) && printf %s {shlex.quote(text)} > {quoted}")
        assert code == 0, said

    def run(self, command: Command) -> tuple[str, int]:
        """What it printed, on both streams, and its exit code."""
        said, code = self._do(self._real(command.text))
        shown = said.replace(str(self.lesson), LESSON).replace(f"tmp-{self.lesson.name}", "tmp-lesson")
        shown = shown.replace(str(self.folder / "home"), "/home/ana")
        return "\n".join(line.rstrip() for line in shown.strip("\n").splitlines()), code

    def _real(self, text: str) -> str:
        return text.replace(LESSON, str(self.lesson)).replace("tmp-lesson", f"tmp-{self.lesson.name}")

    def _do(self, text: str) -> tuple[str, int]:
        """Run in the shell that stands there; its input is empty, so nothing can ask."""
        assert self._shell is not None
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"eval {shlex.quote(text)} </dev/null\nprintf '\\n\\001%s\\n' $?\n")
        self._shell.stdin.flush()
        lines: list[str] = []
        watch = threading.Timer(PATIENCE, self._end)
        watch.start()
        try:
            for line in self._shell.stdout:
                if line.startswith("\001"):
                    return "".join(lines).removesuffix("\n"), int(line[1:])
                lines.append(line)
        finally:
            watch.cancel()
        raise AssertionError(f"the shell ended, or was ended after {PATIENCE:.0f} s, at: {text}\n{''.join(lines)}")

    def _end(self) -> None:
        """The shell and whatever it runs."""
        assert self._shell is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGKILL)
