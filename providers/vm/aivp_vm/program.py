"""The code of `machine`, and all that it imports, copied beside the VMs: a supervisor outlives the provider's files.

A copy is a folder named by its content; VMs point to theirs with a link, and the copy goes with the last of them.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import secrets
import shutil
from pathlib import Path
from typing import Dict, Iterable

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


def install(directory: Path) -> Path:
    """The copy of today's code below `directory`, made where it is not there yet."""
    files = _files()
    digest = hashlib.sha256(b"".join(name.encode() + b"\0" + files[name] + b"\0" for name in sorted(files))).hexdigest()
    place = directory / PROGRAMS / digest[:16]
    if not place.is_dir():
        draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        for name, content in files.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            (draft / name).write_bytes(content)
        try:
            draft.rename(place)
        except OSError:  # another one was quicker
            shutil.rmtree(draft)
    return place


def link(folder: Path, program: Path) -> None:
    """Point the VM in `folder` to a copy."""
    target = os.path.relpath(program, folder)
    place = folder / places.PROGRAM
    if place.is_symlink() and os.readlink(place) == target:
        return
    draft = folder / f".{places.PROGRAM}.{secrets.token_hex(4)}"
    draft.symlink_to(target)
    draft.replace(place)


def prune(directory: Path, folders: Iterable[Path]) -> None:
    """Remove the copies that none of the VMs in `folders` points to."""
    used = {(folder / places.PROGRAM).resolve().name for folder in folders}
    programs = directory / PROGRAMS
    for place in sorted(programs.iterdir()) if programs.is_dir() else []:
        if place.name not in used:
            shutil.rmtree(place, ignore_errors=True)


def _files() -> Dict[str, bytes]:
    found = {_STUB: b'"""What of this package runs beside the VMs."""\n'}
    for package in PACKAGES:
        root = Path(next(iter(importlib.import_module(package).__path__)))
        for path in sorted(root.rglob("*.py")):
            found[f"{package.replace('.', '/')}/{path.relative_to(root)}"] = path.read_bytes()
    found.update({name: _MAIN.format(module=module).encode() for name, module in _ENTRIES.items()})
    return found
