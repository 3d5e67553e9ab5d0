"""A VM → gone, with its processes, its leases and its mark at the image. Also where nobody owns it any more.

Needs nothing but what lies beside the VMs. Can be done again wherever it was broken off.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from . import client, places, warm
from .holders import holder
from .process import ENVIRONMENT

_QEMU = "qemu.pid"
_WITHIN = 60
_KILLED_WITHIN = 10.0


def remove(folder: Path) -> None:
    """Away with it; what is gone already is fine. Raises OSError."""
    gone = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    if folder.is_dir():
        _release(folder)
        folder.rename(gone)  # what is listed is whole
        shutil.rmtree(gone)
    _tidy(folder.parent)


def cut(folder: Path) -> None:
    """Away with its power, and with whoever watches over it. Raises OSError."""
    with contextlib.suppress(client.Refusal, client.Unreachable):
        if holder(folder / places.LOCK) is not None:
            client.ask(folder, "stop", wait=30, force=True, timeout=0)
    for lock in (places.LOCK, _QEMU):
        _end(folder / lock)


def _release(folder: Path) -> None:
    """Its power, its leases, its mark."""
    spec = places.read_json(folder / places.SPEC) or {}
    clones = warm.clones(folder)
    if clones:
        raise OSError(f"it is a template, and {', '.join(clones)} stand on it")
    cut(folder)
    for network in spec.get("networks") or ():
        _detach(Path(str(network)), folder.name)
    if spec.get("image"):
        users = Path(str(spec["image"])) / "users"
        with contextlib.suppress(OSError):  # it is not there, or others are in it
            (users / folder.name).unlink()
            users.rmdir()
    if spec.get("template"):
        warm.unmark(Path(str(spec["template"])), folder.name)


def _tidy(vms: Path) -> None:
    """Copies of the code that no VM points to any more go."""
    used = {(path.parent / places.PROGRAM).resolve().name for path in vms.glob(f"*/{places.SPEC}")}
    for place in (vms.parent / "programs").glob("*"):
        if place.name not in used and not place.name.startswith("."):
            shutil.rmtree(place, ignore_errors=True)


def _detach(network: Path, owner: str) -> None:
    """A network that is gone took its leases along."""
    program = network / "port.py"
    if not program.exists():
        return
    done = subprocess.run(
        [client.python(), "-I", str(program), "detach", owner],
        env={**ENVIRONMENT, "HOME": os.environ.get("HOME", "/")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_WITHIN,
        check=False,
    )
    if done.returncode != 0:
        raise OSError(f"the network in {network} keeps its leases: {done.stdout.decode(errors='replace')[:200]}")


def _end(lock: Path) -> None:
    """Kill whoever holds it, and wait for its end."""
    deadline = time.monotonic() + _KILLED_WITHIN
    while time.monotonic() < deadline:
        pid = holder(lock)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    raise OSError(f"a process that holds {lock.name} cannot be killed")
