"""Small disks that really fill up: a tmpfs each, in a mount namespace that nobody else sees and that ends with us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

BLOCK = 4096
_NEW_MOUNTS = 0x20000  # CLONE_NEWNS


@contextlib.contextmanager
def small_disk(place: Path, size: str) -> Iterator[None]:
    """A disk of that size at `place`, for this thread and what it starts. Skips where that cannot be."""
    libc = ctypes.CDLL(None, use_errno=True)
    before, folder = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY), Path.cwd()
    if libc.unshare(_NEW_MOUNTS) != 0:
        os.close(before)
        pytest.skip("a small disk needs root and mount namespaces")
    try:
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(place)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("a small disk cannot be mounted here")
        yield
    finally:
        libc.setns(before, _NEW_MOUNTS)
        os.close(before)
        os.chdir(folder)  # which setns set to /


def fill(folder: Path, but: int = 0) -> None:
    """Leave so many free blocks."""
    with contextlib.suppress(OSError), (folder / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * BLOCK)
    if but:
        path = folder / "ballast"
        os.truncate(path, path.stat().st_size - but * BLOCK)


def free(folder: Path) -> None:
    (folder / "ballast").unlink()
