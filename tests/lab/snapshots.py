"""What a host is at one moment, seen from outside, and what differs between two moments.

Files, the package database and the accounts are read through the host's root out here, so nothing that runs
in the host can embellish them; only the states of units come from its systemd, and rpm's database from its rpm. Keys
are paths, and `package:`, `user:`, `group:`, `unit-file:` and `unit:` with a name; without systemd `daemon:`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from tests.lab.hosts import Host

PATHS = ("/etc", "/usr/local", "/srv", "/home", "/root", "/opt")

_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "block device",
    stat.S_IFCHR: "character device",
}


class FileEntry(NamedTuple):
    """`mode` in octal; `size` is 0 for folders; `content` is a file's SHA-256, a symlink's target, else empty."""

    type: str
    mode: str
    uid: int
    gid: int
    size: int
    mtime_ns: int
    content: str


class PackageEntry(NamedTuple):
    """Version and dpkg's state, such as `install ok installed`."""

    version: str
    status: str


class AccountEntry(NamedTuple):
    """A line of passwd or group without its name, and what shadow or gshadow has of it."""

    fields: str
    shadow: str


class UnitFileEntry(NamedTuple):
    """`enabled`, `masked`, `static`, ..."""

    state: str


class UnitEntry(NamedTuple):
    """`active`, `inactive`, ...; the invocation changes with each start, so a restart is seen. Of a daemon: its id."""

    active: str
    invocation: str


Entry = FileEntry | PackageEntry | AccountEntry | UnitFileEntry | UnitEntry
Snapshot = dict[str, Entry]


def snapshot(host: Host, paths: Sequence[str] = PATHS) -> Snapshot:
    """Everything below `paths`, packages, accounts and, while the host runs, units; sorted by key."""
    root = host.root
    entries: Snapshot = {}
    for path in paths:
        entries.update(_files(root, path))
    entries.update(_packages(root / "var/lib/dpkg/status"))
    entries.update(_accounts(root / "etc", "user", "passwd", "shadow"))
    entries.update(_accounts(root / "etc", "group", "group", "gshadow"))
    entries.update(_rpms(host))
    entries.update(_units(host) if host.is_systemd else _daemons(host))
    return dict(sorted(entries.items()))


def difference(before: Snapshot, after: Snapshot, ignore: Iterable[str] = (), times: bool = True) -> tuple[str, ...]:
    """One line for each key that differs, sorted, empty if none does.

    `ignore` has shell patterns of keys (`*` also matches `/`); without `times` a changed mtime is nothing.
    """
    patterns = tuple(ignore)
    keys = sorted(before.keys() | after.keys())
    relevant = (key for key in keys if not any(fnmatchcase(key, pattern) for pattern in patterns))
    lines = (_line(key, before.get(key), after.get(key), times) for key in relevant)
    return tuple(line for line in lines if line is not None)


def _line(key: str, old: Entry | None, new: Entry | None, times: bool) -> str | None:
    if old is None or new is None:
        entry, word = (new, "added") if old is None else (old, "removed")
        assert entry is not None
        return f"{word} {key}: {_described(entry)}"
    if type(old) is not type(new):
        return f"changed {key}: {_described(old)} → {_described(new)}"
    changes = [
        f"{field} {was} → {now}"
        for field, was, now in zip(old._fields, old, new, strict=True)
        if was != now and (times or field != "mtime_ns")
    ]
    return f"changed {key}: {', '.join(changes)}" if changes else None


def _described(entry: Entry) -> str:
    return ", ".join(f"{value}" for field, value in entry._asdict().items() if field != "mtime_ns" and value != "")


def _files(root: Path, path: str) -> Iterator[tuple[str, FileEntry]]:
    top = root / path.lstrip("/")
    if not os.path.lexists(top):
        return
    yield path, _file(top)
    if top.is_symlink() or not top.is_dir():
        return
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            found = Path(folder, name)
            yield f"/{found.relative_to(root)}", _file(found)


def _file(path: Path) -> FileEntry:
    status = path.lstat()
    kind = _TYPES[stat.S_IFMT(status.st_mode)]
    content = ""
    if kind == "file":
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
    elif kind == "symlink":
        content = os.readlink(path)
    return FileEntry(
        type=kind,
        mode=f"{stat.S_IMODE(status.st_mode):04o}",
        uid=status.st_uid,
        gid=status.st_gid,
        size=0 if kind == "directory" else status.st_size,
        mtime_ns=status.st_mtime_ns,
        content=content,
    )


def _packages(status: Path) -> Iterator[tuple[str, PackageEntry]]:
    if not status.exists():
        return
    for paragraph in status.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields:
            yield f"package:{fields['Package']}", PackageEntry(fields.get("Version", ""), fields["Status"])


def _rpms(host: Host) -> Iterator[tuple[str, PackageEntry]]:
    if not host.is_running or not (host.root / "var/lib/rpm").exists():
        return
    listing = host.run(["rpm", "-qa", "--queryformat", "%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{INSTALLTIME}\\n"])
    for line in listing.stdout.splitlines():
        name, version, time = line.split()
        yield f"package:{name}", PackageEntry(version, time)


def _accounts(etc: Path, kind: str, public: str, shadow: str) -> Iterator[tuple[str, AccountEntry]]:
    secrets = _lines_by_name(etc / shadow)
    for name, fields in _lines_by_name(etc / public).items():
        yield f"{kind}:{name}", AccountEntry(fields, secrets.get(name, ""))


def _lines_by_name(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    return {name: rest for name, _, rest in (line.partition(":") for line in lines)}


def _units(host: Host) -> Iterator[tuple[str, UnitFileEntry | UnitEntry]]:
    if not host.is_running:
        return
    listing = host.run(["systemctl", "list-unit-files", "--no-legend", "--no-pager", "--full"]).stdout
    for line in listing.splitlines():
        name, state, *_ = line.split()
        yield f"unit-file:{name}", UnitFileEntry(state)
    properties = "--property=Id,ActiveState,InvocationID"
    shown = host.run(["systemctl", "show", properties, "*.service", "*.socket", "*.timer"])
    for paragraph in shown.stdout.split("\n\n"):
        fields = dict(line.split("=", 1) for line in paragraph.splitlines())
        if fields:
            yield f"unit:{fields['Id']}", UnitEntry(fields["ActiveState"], fields.get("InvocationID", ""))


def _daemons(host: Host) -> Iterator[tuple[str, UnitEntry]]:
    """What init has adopted, but for the shims of those who look after the host."""
    if not host.is_running:
        return
    for line in host.run(["ps", "--ppid", "1", "-o", "pid=,comm="]).stdout.splitlines():
        pid, command = line.split()
        if command not in ("python3", "sleep"):
            yield f"daemon:{command}", UnitEntry("active", pid)
