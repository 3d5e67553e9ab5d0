"""A fresh world for a check: folders of its own, the case's setup and teardown, and the provider started in it.

What a provider is given is that of docs/protocol/v1.md, section 1: an environment of four variables, `/` as its
working directory.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import snapshot
from .broken import Broken, NotChecked
from .cases import Case, Cases, filled
from .generate import smallest
from .manifest import Kind, Manifest
from .process import Process
from .session import Session
from .things import Thing

SETUP_SECONDS = 60


@dataclass(frozen=True)
class Options:
    """How much is done. `patience`: seconds that an answer may take."""

    patience: float = 30.0
    ending: float = 5.0
    examples: int = 30
    moments: int = 8
    many: int = 10_000


@dataclass(frozen=True)
class Subject:
    """What a check is about: a provider, and one of its kinds or, for checks of sessions, any."""

    manifest: Manifest
    cases: Cases
    argv: Sequence[str]
    kind: Kind
    options: Options

    @property
    def case(self) -> Case:
        return self.cases.of(self.kind.name)

    def need_case(self) -> None:
        """Raises NotChecked where nothing may be created."""
        if not self.case.create:
            raise NotChecked(f"no case: conformance.json has no `create` for {self.kind.name}")

    def need_names(self) -> None:
        """Raises NotChecked where only one thing can exist at a time."""
        if not self.can_have_many():
            raise NotChecked("only one thing at a time: no {name} in the identity of the case's `create`")

    def can_have_many(self) -> bool:
        first = self.case.create[:1]
        one, other = (filled(first, {"name": name}) for name in ("a", "b"))
        parts = [[config.get(name) for config in world for name in self.kind.identity] for world in (one, other)]
        return self.kind.assigned or parts[0] != parts[1] or not first

    @contextlib.contextmanager
    def world(self) -> Any:
        """A World that is gone afterwards, with all that was started in it."""
        root = Path(os.path.realpath(tempfile.mkdtemp(prefix="aivp-conformance-")))
        world = World(self, root)
        try:
            world.set_up()
            yield world
        finally:
            world.tear_down()
            shutil.rmtree(root, ignore_errors=True)


class World:
    """Folders, placeholders and processes of one check."""

    def __init__(self, subject: Subject, root: Path) -> None:
        self.subject = subject
        self.root = root
        for name in ("dir", "directory", "tmp"):
            (root / name).mkdir(mode=0o700)
        self.words = {
            "dir": f"{root}/dir",
            "directory": f"{root}/directory",
            "folder": str(subject.manifest.folder),
            "cases": str(subject.cases.folder),
        }
        self._processes: list[Process] = []
        self._groups: list[int] = []
        self._names = 0

    # --- what is declared ------------------------------------------------------------------------------------------

    def thing(self, case: int = 0, **fields: Any) -> Thing:
        """A thing that does not exist yet, after one of the case's `create`. `fields` replace those of it."""
        creates = self.subject.case.create
        if creates:
            config = dict(self.fill(creates[case % len(creates)]))
        else:
            config = smallest(self.subject.kind, f"{self.root}/dir/{self._next()}")
        config = {name: value for name, value in {**config, **fields}.items() if value is not None}
        return Thing.declared(self.subject.kind, config)

    def things(self, count: int) -> list[Thing]:
        """As many, each like another of the case's."""
        return [self.thing(number) for number in range(count)]

    def fill(self, value: Any) -> Any:
        """With a {name} that nothing else has."""
        return filled(value, {**self.words, "name": self._next()})

    def _next(self) -> str:
        self._names += 1
        return f"n{self._names:05}"

    # --- the provider ----------------------------------------------------------------------------------------------

    def start(self, hear: Callable[[str, bytes], None] | None = None, **environment: str) -> Session:
        """A process that was told nothing yet."""
        known = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": self.words["directory"],
            "TMPDIR": f"{self.root}/tmp",
            "LC_ALL": "C.UTF-8",
        }
        try:
            process = Process(self.subject.argv, {**known, **environment}, hear)
        except OSError as error:
            raise Broken("handshake", f"{self.subject.argv[0]} cannot be started: {error.strerror}") from None
        self._processes.append(process)
        return Session(process, self.subject.options.patience)

    def open(
        self, shown: Sequence[str] = ("progress", "log"), hear: Callable[[str, bytes], None] | None = None, **env: str
    ) -> Session:
        """A session that is initialized."""
        session = self.start(hear, **env)
        session.shown = frozenset(shown)
        answer = session.ask("initialize", self.greeting(shown))
        if answer.error is not None:
            raise Broken("handshake", "initialize was refused", answer.error)
        return session

    def greeting(self, shown: Sequence[str] = (), major: int = 1, minor: int = 0) -> dict[str, Any]:
        """Parameters of initialize."""
        return {
            "protocol": {"major": major, "minor": minor},
            "caller": {"name": "aivp-conformance", "version": "0.1.0"},
            "capabilities": dict.fromkeys(shown, True),
            "configuration": filled(self.subject.cases.configuration, self.words),
            "directory": self.words["directory"],
        }

    # --- the outside -----------------------------------------------------------------------------------------------

    def watched(self) -> list[str]:
        """Folders where the real things lie."""
        return [str(folder) for folder in filled(self.subject.case.watch, self.words)]

    def look(self) -> snapshot.Snapshot:
        """What lies in the watched folders."""
        return snapshot.take(self.watched())

    def probe(self) -> str:
        """What the case's probe prints; nothing without one."""
        argv = filled(self.subject.case.probe, self.words)
        return self._run(argv) if argv else ""

    def set_up(self) -> None:
        argv = filled(self.subject.case.setup, self.words)
        if not argv:
            return
        try:
            words = json.loads(self._run(argv).strip() or "{}")
        except ValueError:
            words = {}
        if isinstance(words, Mapping):
            self.words |= {name: text for name, text in words.items() if isinstance(text, str)}

    def tear_down(self) -> None:
        for process in self._processes:
            process.kill()
        argv = filled(self.subject.case.teardown, self.words)
        try:
            if argv:
                self._run(argv)
        finally:
            for group in self._groups:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)

    def _run(self, argv: Sequence[str]) -> str:
        """A command of the case; its output goes to a file, which a server that it leaves behind may keep open."""
        with tempfile.TemporaryFile(dir=self.root) as out:
            try:
                child = subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=out, cwd=self.words["dir"], start_new_session=True
                )
                self._groups.append(child.pid)
                code = child.wait(SETUP_SECONDS)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise NotChecked(f"the case's command {argv[0]} failed: {error}") from None
            if code != 0:
                raise NotChecked(f"the case's command {argv[0]} exited with {code}")
            out.seek(0)
            return out.read(1 << 20).decode("utf-8", "replace")
