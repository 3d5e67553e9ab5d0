"""Third-party providers as files on this host: taken in by chunks, checked, kept under the digest of their content.

`<state>/providers/<digest>/` appears whole or not at all. What runs is looked at again before each session: files whose
digest is another one are asked for again. What Python compiled of them stays while this machine is up.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import stat
import sys
import time
from pathlib import Path, PurePosixPath
from typing import Dict, List, Mapping, Sequence

from aivp_contract.canonical import digest
from aivp_contract.values import Json

from . import bytecode

KEPT = 8
UNUSED = 24 * 3600.0
"""Bundles that stay on a host, and seconds in which no session came for one of the others before it goes."""

MOST = 512 * 1024 * 1024
"""Bytes of one provider."""

Files = Mapping[str, Mapping[str, Json]]
"""Path within the provider's folder → `{sha256, size, executable}`."""


class NotInstalled(Exception):
    """This provider cannot run here; the message says why."""


def platform() -> str:
    """Of this host, as manifests name it."""
    return f"{sys.platform}-{os.uname().machine}"


def choose(start: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The argv for this platform. Raises NotInstalled."""
    argv = start.get(platform()) or start.get("any")
    if not argv:
        raise NotInstalled(f"it has no program for {platform()}, only for {', '.join(sorted(start))}")
    return argv


def needed(argv: Sequence[str], files: Files) -> List[str]:
    """The paths that this argv names by `{folder}/…`, and what lies beneath them."""
    roots = [part.partition("{folder}")[2].strip("/") for part in argv if "{folder}" in part]
    return sorted(path for path in files if any(_is_beneath(path, root) for root in roots))


def _is_beneath(path: str, root: str) -> bool:
    return root in ("", path) or path.startswith(f"{root}/")


class Installation:
    """One provider's files on their way to, or in, `<base>/providers/<digest>`."""

    def __init__(self, base: Path, files: Files, argv: Sequence[str]) -> None:
        """Raises NotInstalled for files that are none of a provider's."""
        self.paths = needed(argv, files)
        self.files: Dict[str, Mapping[str, Json]] = {path: files[path] for path in self.paths}
        if not all(_is_inside(path) for path in self.paths):
            raise NotInstalled("a file of it lies outside of its folder")
        if sum(int(entry["size"]) for entry in self.files.values()) > MOST:
            raise NotInstalled(f"it is larger than {MOST // 1024**2} MiB")
        self.argv = argv
        self.providers = base / "providers"
        name = digest({path: dict(entry) for path, entry in self.files.items()}).partition(":")[2]
        self.folder = self.providers / name
        self.partial = self.providers / f".{name}.{os.getpid()}"

    def missing(self) -> List[str]:
        """Paths that have to come; none where it is complete. What is there and wrong goes."""
        if self._is_whole():
            os.utime(self.folder)
            return []
        _remove(self.folder)
        _remove(self.partial)
        return self.paths

    def _is_whole(self) -> bool:
        """Exactly its files, and no other one: a module more would be imported."""
        if self.folder.is_symlink() or not self.folder.is_dir():
            return False
        for place, folders, names in os.walk(self.folder):
            if any(os.path.islink(os.path.join(place, name)) for name in folders):
                return False
            if "__pycache__" in folders:
                folders.remove("__pycache__")
                bytecode.prune(Path(place, "__pycache__"))
            if any(os.path.relpath(os.path.join(place, name), self.folder) not in self.files for name in names):
                return False
        return all(_is_same(self.folder / path, self.files[path]) for path in self.paths)

    def take(self, path: str, data: str, *, is_first: bool) -> None:
        """A chunk of a file, in base64. Raises NotInstalled, or OSError."""
        if path not in self.files:
            raise NotInstalled(f"{path} is not a file of it")
        target = self.partial / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_TRUNC if is_first else os.O_APPEND)
        mode = 0o700 if self.files[path]["executable"] else 0o600
        with open(os.open(target, flags, mode), "ab") as file:
            file.write(base64.b64decode(data, validate=True))
            if file.tell() > int(self.files[path]["size"]):
                raise NotInstalled(f"{path} is longer than announced")

    def finish(self) -> None:
        """All files came: check them, and let the folder appear. Raises NotInstalled."""
        for path in self.paths:
            if not _is_same(self.partial / path, self.files[path]):
                shutil.rmtree(self.partial, ignore_errors=True)
                raise NotInstalled(f"{path} is not what was announced")
        try:
            os.rename(self.partial, self.folder)
        except OSError:  # another session was faster; it is the same content
            shutil.rmtree(self.partial, ignore_errors=True)
        self._prune()

    def complete_argv(self) -> List[str]:
        """What to start."""
        found = [part.replace("{folder}", str(self.folder)) for part in self.argv]
        return [sys.executable if found[0] == "python3" else found[0], *found[1:]]

    def _prune(self) -> None:
        with contextlib.suppress(OSError):
            folders = sorted(self.providers.iterdir(), key=lambda path: path.lstat().st_mtime, reverse=True)
            for folder in folders[KEPT:]:
                if time.time() - folder.lstat().st_mtime > UNUSED:
                    _remove(folder)


def _remove(path: Path) -> None:
    """Whatever lies there; nothing that a link leads to."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\0" not in path


def _is_same(path: Path, entry: Mapping[str, Json]) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size != entry["size"]:
            return False
        if entry["executable"] and not found.st_mode & stat.S_IXUSR:
            return False
        seen = hashlib.sha256()
        while chunk := file.read(1024 * 1024):
            seen.update(chunk)
    return bool(seen.hexdigest() == entry["sha256"])
