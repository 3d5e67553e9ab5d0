"""Folders that are built once and then only read: a lock, a draft, an atomic rename.

A name must follow from the content, since a folder that is there is never looked at again. Two processes
that want the same folder at once get one build; a builder that was killed leaves a draft, which the
next one removes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.mounts import remove_tree


def content_key(content: object) -> str:
    """Sixteen hexadecimal digits that follow from a JSON value and nothing else."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def cached(folder: Path, make: Callable[[Path], None]) -> Path:
    """`folder`, filled by `make(draft)` where it is not there yet."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(folder.parent / f".{folder.name}.lock"):
        if not folder.is_dir():
            _build(folder, make)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the kernel lets go of it when the process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _build(folder: Path, make: Callable[[Path], None]) -> None:
    draft = folder.parent / f".{folder.name}.draft"
    remove_tree(draft)
    draft.mkdir(mode=0o755)
    try:
        make(draft)
        # A machine that crashes after the rename must not find files without content.
        subprocess.run(["sync", "--file-system", str(draft)], check=True)
        draft.rename(folder)
    except BaseException:
        remove_tree(draft)
        raise
