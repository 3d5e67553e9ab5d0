"""Records of effects: what is written before a command runs, and when it has ended, so that its outcome is known once.

An effect is a folder `<run>/<key>/`. It appears whole, with a lock that the shim holds while the command runs;
`process` says which process that is; `outcome` appears whole when it has ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

_RESERVE = 4096
"""Bytes set aside before a command starts, so that its exit status can be recorded on a disk that it filled."""
_POLL = 0.05


def is_busy(folder: Path) -> bool:
    """True while some effect recorded under `folder` is still running."""
    return any(_is_locked(place / "alive") or _is_running(place) for place in _places(folder))


def wait(folder: Path) -> None:
    """Return when no effect under `folder` is running."""
    for place in _places(folder):
        await_end(place)


def forget(folder: Path) -> None:
    """Remove the records below `folder`; the run that they belong to is over."""
    shutil.rmtree(folder, ignore_errors=True)


def appear(folder: Path) -> None:
    """Make `folder`, durably: the records in it are worth as much as the way to them."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for parent in (folder.parent, folder.parent.parent):
            _sync_folder(parent)


def claim(place: Path) -> Optional[int]:
    """Make `place` appear with its lock already held, and durably, before anything runs. None: it is there already."""
    fresh = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    fresh.mkdir(mode=0o700)
    lock = os.open(fresh / "alive", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (fresh / "reserve").write_bytes(b"\0" * _RESERVE)
        os.rename(fresh, place)
        _sync_folder(place.parent)
    except OSError:
        os.close(lock)
        shutil.rmtree(fresh, ignore_errors=True)
        if place.exists():
            return None
        raise
    return lock


def announce(place: Path) -> None:
    """The command itself, before it is one, says who it is: there is no moment at which it runs and nobody knows."""
    try:
        (place / "process").write_text(f"{os.getpid()} {_birth(os.getpid())}")
    except OSError:
        pass  # a full disk: then only the shim's death would go unnoticed for as long as the command lives


def record(place: Path, outcome: Dict[str, Any]) -> None:
    """`outcome` appears whole or not at all, and survives a power cut; without the output where that has no room."""
    short = {**outcome, "stdout": "", "stderr": "", "truncated": True} if "code" in outcome else outcome
    for name, value in (("writing", outcome), ("reserve", short)):
        try:
            _write(place / name, json.dumps(value).encode())
            os.rename(place / name, place / "outcome")
            _sync_folder(place)
            return
        except OSError:
            continue  # if both fail, whoever listens is told, and for others the outcome is unknown


def await_end(place: Path) -> None:
    """Return when neither its shim nor, should that have died, the command itself is at work any more."""
    try:
        with (place / "alive").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
    except FileNotFoundError:
        return
    while _is_running(place):
        time.sleep(_POLL)


def _places(folder: Path) -> List[Path]:
    return sorted(place for place in folder.iterdir() if place.is_dir()) if folder.is_dir() else []


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _is_running(place: Path) -> bool:
    """True for a command that outlived its shim."""
    try:
        pid, _, birth = (place / "process").read_text().partition(" ")
    except FileNotFoundError:
        return False
    return not (place / "outcome").exists() and birth != "" and _birth(int(pid)) == birth


def _birth(pid: int) -> str:
    """What tells this process from a later one with the same id; empty for one that is gone, or without /proc."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    return "" if status[0] in "ZX" else f"{status[19]}@{boot}"


def _write(path: Path, data: bytes) -> None:
    """Write over what is there, so that blocks set aside are used, and cut off the rest."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
