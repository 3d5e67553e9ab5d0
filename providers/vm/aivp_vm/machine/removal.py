"""A VM that nobody owns any more → gone, with its processes, its leases and its mark at the image.

What the provider does at the end of a VM, for programs that have only what lies beside the VMs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from . import client, places
from .holders import holder
from .process import ENVIRONMENT

_QEMU = "qemu.pid"
_CLONES = "clones"
_WITHIN = 60
_KILLED_WITHIN = 10.0


def remove(folder: Path) -> None:
    """Away with it; can be done again where it was broken off. Raises OSError, also where a clone stands on it."""
    spec = places.read_json(folder / places.SPEC) or {}
    clones = [path.name for path in sorted((folder / _CLONES).glob("*")) if _stands_on(folder, path.name)]
    if clones:
        raise OSError(f"{folder.name} is a template that {', '.join(clones[:5])} stands on: remove the clones first")
    with contextlib.suppress(client.Refusal, client.Unreachable):
        if holder(folder / places.LOCK) is not None:
            client.ask(folder, "stop", wait=30, force=True, timeout=0)
    for lock in (places.LOCK, _QEMU):
        _end(folder / lock)
    for network in spec.get("networks") or ():
        _detach(Path(str(network)), folder.name)
    if spec.get("image"):
        with contextlib.suppress(FileNotFoundError):
            (Path(str(spec["image"])) / "users" / folder.name).unlink()
    if spec.get("template"):
        with contextlib.suppress(FileNotFoundError):
            (Path(str(spec["template"])) / _CLONES / folder.name).unlink()
    gone = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    folder.rename(gone)  # what is listed is whole
    shutil.rmtree(gone)
    _tidy(folder.parent)


def _stands_on(template: Path, name: str) -> bool:
    known = places.read_json(template.parent / name / places.SPEC) or {}
    return known.get("template") == str(template)


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
