"""Hosts on disk: the folder of each, who owns it, and its removal with all that belongs to it.

The folder has the record (first of all, so that a leftover is always recognised), the overlay's own layer,
the merged root and the console. Removal needs nothing but the folder, so `sweep` can do it for the dead.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.lab.cache import locked
from tests.lab.cgroups import host_cgroups, remove_cgroups
from tests.lab.errors import LabError
from tests.lab.mounts import remove_tree, unmount_below
from tests.lab.places import Places
from tests.lab.processes import (
    Owner,
    children,
    end,
    ended_within,
    is_alive,
    owner,
    processes_with_argument,
    send,
    start_time,
)

_INIT_SECONDS = 20.0
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Instance:
    """A host's folder and its record."""

    folder: Path
    suite: str
    owner: Owner
    cgroups: tuple[Path, ...]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def merged(self) -> Path:
        return self.folder / "merged"

    @property
    def console(self) -> Path:
        return self.folder / "console.log"


def create(places: Places, name: str, suite: str) -> Instance:
    """Claim a name for this process; LabError if a host of that name is there, or it is no host name."""
    require_name(name)
    folder = places.hosts / name
    instance = Instance(folder, suite, owner(os.getpid()), host_cgroups(name))
    with _locked(places):
        try:
            folder.mkdir(mode=0o755)
        except FileExistsError:
            raise LabError(f"There is a host {name!r} already.") from None
        _write_record(instance)
    return instance


def require_name(name: str) -> None:
    """LabError unless `name` can be a host's name, and so a folder's."""
    if not _NAME.fullmatch(name):
        raise LabError(f"{name!r} is no host name: lower-case letters, digits and inner hyphens, at most 63.")


def mount(instance: Instance, tree: Path) -> None:
    """Lay a writable layer over a root; the layer is in memory where the disk cannot carry one (a container's)."""
    layer = instance.folder / "layer"
    for folder in (instance.merged, layer):
        folder.mkdir(mode=0o755)
    error = _mount_overlay(tree, layer, instance.merged)
    if error:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "aivp-lab", str(layer)], check=True)
        error = _mount_overlay(tree, layer, instance.merged)
    if error:
        raise LabError(f"No overlay can be mounted for the host {instance.name!r}: {error}")
    _personalise(instance)


def leader(instance: Instance) -> int | None:
    """The host's init as seen from here; None while nspawn has not come that far, or the host is off."""
    for nspawn in processes_with_argument(nspawn_directory(instance)):
        for child in children(nspawn):
            if _is_init(child, nspawn):
                return child
    return None


def nspawn_directory(instance: Instance) -> str:
    """The argument by which a host's nspawn is found again."""
    return f"--directory={instance.merged}"


def hand_over(instance: Instance, new_owner: Owner) -> Instance:
    """Give the host to another process, with whose end it becomes a leftover."""
    changed = replace(instance, owner=new_owner)
    _write_record(changed)
    return changed


def instances(places: Places) -> tuple[Instance, ...]:
    """All hosts that have a record, by name."""
    found = (_read_record(folder) for folder in _folders(places))
    return tuple(instance for instance in found if instance is not None)


def remove(instance: Instance) -> None:
    """End a host and remove all that is left of it; what is gone already is no error."""
    stop(instance)
    remove_cgroups(instance.cgroups)
    remove_tree(instance.folder)


def stop(instance: Instance) -> None:
    """Take the power away: kill init, which takes every process of the host along, and wait for nspawn.

    nspawn removes its own traces under /run only if it may end by itself, so one that is still on its way to
    init is waited for. Nothing that is killed here ever belonged to anybody else.
    """
    nspawn = processes_with_argument(nspawn_directory(instance))
    deadline = time.monotonic() + _INIT_SECONDS
    while (init := leader(instance)) is None and any(start_time(pid) for pid in nspawn):
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    if init is not None:
        send(init, signal.SIGKILL)
    for pid in nspawn:
        if not ended_within(pid, _INIT_SECONDS):
            end(pid)


def sweep(places: Places) -> tuple[str, ...]:
    """Remove the hosts whose owner is gone; their names."""
    with _locked(places):
        leftovers = [folder for folder in _folders(places) if _is_leftover(folder)]
        for folder in leftovers:
            instance = _read_record(folder)
            if instance is None:
                unmount_below(folder)
                remove_tree(folder)
            else:
                remove(instance)
    return tuple(folder.name for folder in leftovers)


@contextlib.contextmanager
def _locked(places: Places) -> Iterator[None]:
    places.hosts.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(places.cache / ".hosts.lock"):
        yield


def _folders(places: Places) -> list[Path]:
    return sorted(places.hosts.iterdir()) if places.hosts.is_dir() else []


def _is_leftover(folder: Path) -> bool:
    instance = _read_record(folder)
    return instance is None or not is_alive(instance.owner)


def _write_record(instance: Instance) -> None:
    draft = instance.folder / "record.draft"
    record = {
        "suite": instance.suite,
        "owner": asdict(instance.owner),
        "cgroups": [str(group) for group in instance.cgroups],
    }
    draft.write_text(json.dumps(record), encoding="utf-8")
    draft.rename(instance.folder / "record.json")


def _read_record(folder: Path) -> Instance | None:
    try:
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    cgroups = tuple(Path(group) for group in record["cgroups"])
    return Instance(folder, record["suite"], Owner(**record["owner"]), cgroups)


def _mount_overlay(tree: Path, layer: Path, merged: Path) -> str | None:
    """None, or what mount said."""
    for name in ("upper", "work"):
        (layer / name).mkdir(mode=0o755, exist_ok=True)
    options = f"lowerdir={tree},upperdir={layer}/upper,workdir={layer}/work"
    # Without redirect_dir a folder of the root could not be renamed, which every real host allows.
    argv = ["mount", "-t", "overlay", "-o", f"{options},redirect_dir=on", "aivp-lab", str(merged)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip()


def _personalise(instance: Instance) -> None:
    etc = instance.merged / "etc"
    (etc / "machine-id").write_text(f"{uuid.uuid4().hex}\n", encoding="utf-8")
    (etc / "hostname").write_text(f"{instance.name}\n", encoding="utf-8")
    (etc / "hosts").write_text(f"127.0.0.1\tlocalhost {instance.name}\n::1\tlocalhost\n", encoding="utf-8")


def _is_init(child: int, nspawn: int) -> bool:
    """Whether a child of nspawn is init of a process namespace, and runs something else than nspawn's own code."""
    try:
        status = Path(f"/proc/{child}/status").read_text(encoding="utf-8", errors="replace")
        programs = [os.stat(f"/proc/{pid}/exe") for pid in (child, nspawn)]
    except OSError:
        return False
    numbers = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])
    return len(numbers) > 1 and numbers[-1] == "1" and not os.path.samestat(*programs)
