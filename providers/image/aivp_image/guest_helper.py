"""The guest helper's files, as what puts files into images takes them."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from typing import List, Sequence


@dataclass(frozen=True)
class HelperFile:
    """One file: absolute path, permissions, content; a symbolic link to `content` where `mode` is 0."""

    path: str
    mode: int
    content: bytes


def helper_files() -> List[HelperFile]:
    """All that an image with systemd needs, its unit enabled."""
    return _files("files")


def init_files() -> List[HelperFile]:
    """All that an image needs where the helper itself is process 1."""
    return _files("init_files")


def digest(files: Sequence[HelperFile]) -> str:
    """Which helper it is."""
    found = hashlib.sha256()
    for file in files:
        found.update(f"{file.path}\0{file.mode}\0{len(file.content)}\0".encode() + file.content)
    return found.hexdigest()


def _files(name: str) -> List[HelperFile]:
    module = importlib.import_module("aivp_guest.files")
    return [HelperFile(file.path, file.mode, file.content) for file in getattr(module, name)()]
