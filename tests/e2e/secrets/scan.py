"""Looks for planted secrets: in folders, databases, what was printed and the process table. Counts what it read."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.e2e.secrets.planted import Planted

Sample = tuple[bytes, bytes]
"""Arguments and environment of a process, as the kernel shows them."""


@dataclass
class Scanner:
    """`leaks` are sentences; `read` counts files, bytes and samples, so that a scan of nothing cannot pass."""

    planted: Planted
    leaks: list[str] = field(default_factory=list)
    read: Counter[str] = field(default_factory=Counter)
    clean: dict[bytes, frozenset[bytes]] = field(default_factory=dict)
    """Digest of a content → forms that are known not to be in it: only what is new is looked for again."""

    def text(self, where: str, data: bytes) -> None:
        """One stream of bytes."""
        self.read["bytes"] += len(data)
        for form, what in self.planted.forms().items():
            if form in data:
                at = data.index(form)
                around = data[max(at - 60, 0) : at + len(form) + 40]
                self.leaks.append(f"{where}: {what}: ...{around!r}...")

    def folder(self, root: Path, allowed: Iterable[Path] = ()) -> None:
        """Every file beneath `root` but `allowed`, names included; databases also row by row."""
        skipped = {path.resolve() for path in allowed}
        forms = frozenset(self.planted.forms())
        for folder, _, files in os.walk(root):
            for name in files:
                path = Path(folder, name)
                if path.resolve() in skipped:
                    continue
                self.read["files"] += 1
                try:
                    data = path.read_bytes()
                except FileNotFoundError:
                    continue
                self._content(str(path.relative_to(root)), os.fsencode(path) + b"\0" + data, forms)
                if data.startswith(b"SQLite format 3"):
                    self._content(f"{path.relative_to(root)} (rows)", _rows(path), forms)

    def _content(self, where: str, data: bytes, forms: frozenset[bytes]) -> None:
        digest = hashlib.sha256(data).digest()
        if any(form in data for form in forms - self.clean.get(digest, frozenset())):
            self.text(where, data)
        else:
            self.read["bytes"] += len(data)
            self.clean[digest] = forms

    def processes(self, samples: Mapping[Sample, int], is_allowed: Callable[[str, Sample], bool]) -> None:
        """What was seen of the process table. `is_allowed(secret's name, sample)`: it may be in that environment."""
        self.read["samples"] += sum(samples.values())
        self.read["processes"] += len(samples)
        forms = self.planted.forms()
        arguments = b"\0\0".join(argv for argv, _ in samples)
        for form, what in forms.items():
            if form in arguments:
                self.leaks.append(f"arguments of a process: {what}")
        for argv, environ in samples:
            for name, value in self.planted.secrets.items():
                if value.encode() in environ and not is_allowed(name, (argv, environ)):
                    self.leaks.append(f"environment of {argv[:120]!r}: {name}")

    def check(self) -> None:
        """Fail with everything that was found."""
        assert not self.leaks, "\n".join(sorted(set(self.leaks))[:40])


class Watch:
    """Samples arguments and environments of all processes, for as long as the block lasts."""

    PAUSE = 0.002

    def __init__(self) -> None:
        self.samples: Counter[Sample] = Counter()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._before = {name for name in os.listdir("/proc") if name.isdigit()}
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            for name in os.listdir("/proc"):
                if name.isdigit() and name not in self._before:
                    self._look(name)
            time.sleep(self.PAUSE)

    def _look(self, name: str) -> None:
        try:
            argv = Path("/proc", name, "cmdline").read_bytes()
            environ = Path("/proc", name, "environ").read_bytes()
            again = Path("/proc", name, "cmdline").read_bytes()
        except (OSError, ValueError):
            return
        if argv and argv == again:  # not in the middle of an exec
            self.samples[argv, environ] += 1


def _rows(path: Path) -> bytes:
    """Every value of every table: a long one lies on several pages of the file."""
    found: list[str] = []
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in tables:
            found += [
                repr(row) + "\n" + "\n".join(map(_text, row)) for row in connection.execute(f"SELECT * FROM {table}")
            ]
    finally:
        connection.close()
    return "\n".join(found).encode(errors="surrogateescape")


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
