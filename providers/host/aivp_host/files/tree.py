"""What lies beneath a directory: who deviates from its `recurse`, what its `purge` would remove, and removing it.

Nothing here crosses a mount, not even a bind mount of the same file system, or follows a link.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Dict, Iterator, List, Optional, Tuple

from aivp_sdk import Permanent

from .accounts import Accounts
from .declaration import File
from .found import Found, as_found, open_directory
from .write import adjust

MAX_DEPTH = 200
BACKUP = ".aivp-backup"
"""How the names of kept previous content end; a purge leaves them."""


@dataclass(frozen=True)
class Rules:
    """What a directory declares of everything beneath it. `keep` are paths relative to it."""

    path: str
    purge: bool = True
    with_backups: bool = False
    recurse: bool = False
    keep: Tuple[str, ...] = ()
    ignore: Tuple[str, ...] = ()
    max_entries: int = 10_000
    owner: Optional[str] = None
    group: Optional[str] = None
    file_mode: Optional[str] = None
    directory_mode: Optional[str] = None


@dataclass
class Survey:
    """How things beneath are shown → where they lie, relative to the directory.

    is_whole: nothing in there has to stay; count: entries met.
    """

    unmanaged: Dict[str, str] = field(default_factory=dict)
    deviating: Dict[str, str] = field(default_factory=dict)
    is_whole: bool = True
    count: int = 0


def rules_of(desired: File) -> Rules:
    """The rules that a declared directory makes. Raises Permanent for a `keep` that lies elsewhere."""
    return Rules(
        desired.path,
        purge=desired.purge,
        recurse=desired.recurse,
        keep=tuple(_relative(desired.path, path) for path in desired.keep or ()),
        ignore=tuple(desired.ignore or ()),
        max_entries=desired.max_entries,
        owner=desired.owner,
        group=desired.group,
        file_mode=desired.file_mode,
        directory_mode=desired.directory_mode,
    )


def survey(directory: int, rules: Rules, accounts: Accounts) -> Survey:
    """Look at everything beneath an open directory. Raises Permanent beyond `max_entries`."""
    return _Walk(rules, accounts, mount_of(directory)).beneath(directory, "", 0)


def remove_listed(directory: int, found: Survey, listed: List[str]) -> None:
    """Remove of the unmanaged things those that the plan lists."""
    for shown in listed:
        if shown in found.unmanaged:
            with _Opened(directory, found.unmanaged[shown]) as (folder, name):
                remove(folder, name)


def mend_listed(directory: int, found: Survey, listed: List[str], rules: Rules, accounts: Accounts) -> None:
    """Give those deviating things that the plan lists the owner, group and mode that the rules ask for."""
    user, group = accounts.number("owner", rules.owner), accounts.number("group", rules.group)
    for shown in listed:
        if shown in found.deviating:
            with _Opened(directory, found.deviating[shown]) as (folder, name):
                thing = as_found(os.stat(name, dir_fd=folder, follow_symlinks=False))
                mode = _mode_for(rules, thing)
                adjust(folder, name, user, group, None if mode is None else int(mode, 8))


def remove(folder: int, name: str) -> None:
    """Remove a thing with all that it holds. Raises Permanent at a mount, OSError where something stays."""
    try:
        os.unlink(name, dir_fd=folder)
        return
    except IsADirectoryError:
        empty(folder, name)
    os.rmdir(name, dir_fd=folder)


def empty(folder: int, name: str) -> None:
    """Remove everything within a directory."""
    descriptor = open_directory(folder, name)
    try:
        if mount_of(descriptor) != mount_of(folder):
            why = f"{name} is a mount point; nothing behind it is removed"
            raise Permanent(why, path="/path", mend="Unmount it first.")
        for inner in os.listdir(descriptor):
            remove(descriptor, inner)
    finally:
        os.close(descriptor)


def mount_of(descriptor: int) -> str:
    """The mount that an open directory lies on."""
    with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as lines:
        return next(line.split()[1] for line in lines if line.startswith("mnt_id:"))


class _Walk:
    def __init__(self, rules: Rules, accounts: Accounts, mount: str) -> None:
        self.rules = rules
        self.accounts = accounts
        self.mount = mount
        self.seen = 0
        self.is_root = os.geteuid() == 0

    def beneath(self, directory: int, prefix: str, depth: int) -> Survey:
        if depth > MAX_DEPTH:
            mend = "Name what lies that deep in ignore, or manage a folder further down."
            raise Permanent(f"{self.rules.path}: directories more than {MAX_DEPTH} deep", path="/path", mend=mend)
        total = Survey()
        for name in sorted(os.listdir(directory)):
            self._count()
            total.count += 1
            path = prefix + name
            if self._stays(path, name):
                total.is_whole = False
                continue
            found = as_found(os.stat(name, dir_fd=directory, follow_symlinks=False))
            inner = self._inside(directory, name, path, depth) if found.type == "directory" else Survey()
            if inner is None:
                total.is_whole = False
                continue
            self._add(total, path, found, inner)
        return total

    def _add(self, total: Survey, path: str, found: Found, inner: Survey) -> None:
        total.count += inner.count
        if self.rules.purge and inner.is_whole:
            total.unmanaged[_shown(path) + _size(found, inner)] = path
            return
        total.is_whole = total.is_whole and inner.is_whole
        total.unmanaged.update(inner.unmanaged)
        total.deviating.update(inner.deviating)
        differing = ", ".join(self._differing(found)) if self.rules.recurse else ""
        if differing:
            self._refuse_other_names(path, found)
            total.deviating[f"{_shown(path)}: {differing}"] = path

    def _inside(self, directory: int, name: str, path: str, depth: int) -> Optional[Survey]:
        """What a directory holds; None for one that is a mount."""
        descriptor = open_directory(directory, name)
        try:
            return self.beneath(descriptor, path + "/", depth + 1) if mount_of(descriptor) == self.mount else None
        finally:
            os.close(descriptor)

    def _stays(self, path: str, name: str) -> bool:
        if path in self.rules.keep or (name.endswith(BACKUP) and not self.rules.with_backups):
            return True
        return any(fnmatchcase(path if "/" in glob else name, glob) for glob in self.rules.ignore)

    def _differing(self, found: Found) -> Iterator[str]:
        rules = self.rules
        for name, number, wanted in (
            ("owner", found.stat.st_uid, rules.owner),
            ("group", found.stat.st_gid, rules.group),
        ):
            shown = wanted if wanted is None else self.accounts.shown(name, number, wanted)
            if shown != wanted:
                yield f"{name} {shown}"
        mode = _mode_for(rules, found)
        if mode is not None and f"{found.mode:04o}" != mode:
            yield f"mode {found.mode:04o}"

    def _refuse_other_names(self, path: str, found: Found) -> None:
        """Whoever may write in the tree could have linked a file of somebody else into it."""
        if self.is_root and found.type == "file" and found.stat.st_nlink > 1:
            raise Permanent(
                f"{self.rules.path}/{_shown(path)} has another name elsewhere, maybe as somebody else's file",
                path="/recurse",
                mend="Remove the hard link, or name the file in ignore.",
            )

    def _count(self) -> None:
        self.seen += 1
        if self.seen > self.rules.max_entries:
            raise Permanent(
                f"{self.rules.path} holds more than {self.rules.max_entries} entries",
                path="/max_entries",
                mend="Raise max_entries, or name what does not matter in ignore.",
            )


class _Opened:
    """The folder of a relative path, walked from an open directory without following a link."""

    def __init__(self, directory: int, path: str) -> None:
        self.descriptor = os.dup(directory)
        *above, self.name = path.split("/")
        for part in above:
            outer = self.descriptor
            try:
                self.descriptor = open_directory(outer, part)
            finally:
                os.close(outer)

    def __enter__(self) -> Tuple[int, str]:
        return self.descriptor, self.name

    def __exit__(self, *raised: object) -> None:
        os.close(self.descriptor)


def _mode_for(rules: Rules, found: Found) -> Optional[str]:
    return {"file": rules.file_mode, "directory": rules.directory_mode}.get(found.type)


def _size(found: Found, inner: Survey) -> str:
    if found.type != "directory":
        return ""
    return f"/ ({inner.count} inside)" if inner.count else "/"


def _shown(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _relative(directory: str, path: str) -> str:
    inner = path[len(directory) + 1 :] if path.startswith(directory + "/") else path
    if not inner or inner.startswith("/") or ".." in inner.split("/"):
        raise Permanent(f"{path} does not lie beneath {directory}", path="/keep", mend="Take it out of keep.")
    return inner.rstrip("/")
