"""The code of `machine`, and all that it imports, copied beside the VMs: a supervisor outlives the provider's files.

A copy is a folder named by its content; VMs point to theirs with a link, and the copy goes with the last of them.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator

from .machine import places

PROGRAMS = "programs"
PACKAGES = ("aivp_guest", "aivp_vm.drivers", "aivp_vm.machine", "qemu.qmp")
_MAIN = """\
import os, sys
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from {module} import main
sys.exit(main(sys.argv))
"""
_ENTRIES = {"supervise.py": "aivp_vm.machine.__main__", "ctl.py": "aivp_vm.machine.ctl"}
_STUB = "aivp_vm/__init__.py"


def bring(directory: Path, folder: Path) -> None:
    """Point the VM in `folder` to the copy of today's code below `directory`, made where it is not there yet."""
    with _locked(directory) as programs:
        target = os.path.relpath(_install(programs), folder)
        place = folder / places.PROGRAM
        if place.is_symlink() and os.readlink(place) == target:
            return
        draft = folder / f".{places.PROGRAM}"
        if draft.is_symlink():
            draft.unlink()
        draft.symlink_to(target)
        draft.replace(place)


def prune(directory: Path, folders: Callable[[], Iterable[Path]]) -> None:
    """Remove the copies that no VM points to. folders: of all VMs, asked for when nobody else is at it."""
    with _locked(directory) as programs:
        used = {(folder / places.PROGRAM).resolve().name for folder in folders()}
        for place in sorted(programs.iterdir()):
            if place.name not in used:
                shutil.rmtree(place, ignore_errors=True)
        if not used:
            programs.rmdir()


@contextmanager
def _locked(directory: Path) -> Iterator[Path]:
    """The folder of the copies, for one process at a time: what one has just made, another one might prune."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(directory / f".{PROGRAMS}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        programs = directory / PROGRAMS
        programs.mkdir(exist_ok=True, mode=0o700)
        yield programs
    finally:
        os.close(descriptor)


def _install(programs: Path) -> Path:
    files = _files()
    digest = hashlib.sha256(b"".join(name.encode() + b"\0" + files[name] + b"\0" for name in sorted(files))).hexdigest()
    place = programs / digest[:16]
    if not place.is_dir():
        draft = programs / ".draft"
        shutil.rmtree(draft, ignore_errors=True)
        for name, content in files.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            (draft / name).write_bytes(content)
        draft.rename(place)
    return place


def _files() -> Dict[str, bytes]:
    found = {_STUB: b'"""What of this package runs beside the VMs."""\n'}
    for package in PACKAGES:
        root = Path(next(iter(importlib.import_module(package).__path__)))
        for path in sorted(root.rglob("*.py")):
            found[f"{package.replace('.', '/')}/{path.relative_to(root)}"] = path.read_bytes()
    found.update({name: _MAIN.format(module=module).encode() for name, module in _ENTRIES.items()})
    return found
