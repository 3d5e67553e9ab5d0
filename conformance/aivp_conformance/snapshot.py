"""What lies in folders, from outside: names, modes, times and digests of contents, for comparing before with after."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One thing in a folder. `content` is a digest, or where a link leads."""

    mode: int
    owner: tuple[int, int]
    content: str
    times: tuple[int, int]

    def lasting(self) -> Entry:
        """Without times, which a harmless rewrite changes."""
        return Entry(self.mode, self.owner, self.content, (0, 0))


Snapshot = Mapping[str, Entry]


def take(folders: Iterable[str]) -> Snapshot:
    """All that lies in the folders, and the folders themselves, by path."""
    return {path: entry(path) for folder in folders for path in walk(folder)}


def lasting(snapshot: Snapshot) -> Snapshot:
    """Without times."""
    return {path: found.lasting() for path, found in snapshot.items()}


def told(before: Snapshot, after: Snapshot) -> str | None:
    """The first difference in words, None if there is none."""
    for path in sorted(set(before) | set(after)):
        old, new = before.get(path), after.get(path)
        if old is None:
            return f"{path} appeared"
        if new is None:
            return f"{path} is gone"
        if old != new:
            names = ("mode", "owner", "content", "times")
            return f"{path} has other {', '.join(n for n in names if getattr(old, n) != getattr(new, n))}"
    return None


def walk(folder: str) -> Iterator[str]:
    """Paths beneath a folder, with itself; nothing if it is not there."""
    if os.path.lexists(folder):
        yield folder
    for place, folders, files in os.walk(folder):
        for name in sorted(folders + files):
            yield os.path.join(place, name)


def entry(path: str) -> Entry:
    """What lies at one path."""
    found = os.lstat(path)
    if stat.S_ISREG(found.st_mode):
        content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    else:
        content = os.readlink(path) if stat.S_ISLNK(found.st_mode) else ""
    return Entry(found.st_mode, (found.st_uid, found.st_gid), content, (found.st_mtime_ns, found.st_ctime_ns))
