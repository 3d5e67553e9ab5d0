"""Networks on disk: a folder each, with its record and the pinned network namespace, and their removal.

The pin is a bind mount, so a network needs no process to live, and nothing of the machine's own network takes part.
Removal needs nothing but the folder, so `sweep` can do it for the dead.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.lab.cache import locked
from tests.lab.errors import LabError
from tests.lab.instances import require_name
from tests.lab.mounts import remove_tree, unmount_below
from tests.lab.places import Places
from tests.lab.processes import Owner, end, is_alive, owner, parents, pids


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network's folder and its record; `inode` is the namespace's number, 0 before there is one."""

    folder: Path
    owner: Owner
    inode: int = 0

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def pin(self) -> Path:
        """The file that the namespace is mounted on."""
        return self.folder / "namespace"

    @property
    def members(self) -> tuple[str, ...]:
        """The names of the instances that were plugged into it."""
        return tuple(sorted(path.name for path in self.folder.glob("members/*")))

    def add_member(self, name: str) -> None:
        """Remember an instance; its own record says who owns it."""
        (self.folder / "members").mkdir(exist_ok=True)
        (self.folder / "members" / name).touch()

    @property
    def argv(self) -> list[str]:
        """Put a command behind it to run it in the network; all else is as for the caller."""
        return ["nsenter", f"--net={self.pin}", "--"]

    def ip(self, *lines: str) -> None:
        """Run `ip` commands inside; LabError with its words if one fails."""
        batch([*self.argv, "ip"], lines)


def create(places: Places, name: str) -> Namespace:
    """Claim a name for this process and make the namespace, its loopback up; LabError if the name is taken."""
    require_name(name)
    namespace = Namespace(places.networks / name, owner(os.getpid()))
    with _locked(places):
        try:
            namespace.folder.mkdir(mode=0o700)
        except FileExistsError:
            raise LabError(f"There is a network {name!r} already.") from None
        _write_record(namespace)
    try:
        namespace.pin.touch()
        subprocess.run(["unshare", f"--net={namespace.pin}", "true"], capture_output=True, check=True)
        namespace = replace(namespace, inode=namespace.pin.stat().st_ino)
        _write_record(namespace)
        namespace.ip("link set lo up")
    except BaseException:
        remove(namespace)
        raise
    return namespace


def namespaces(places: Places) -> tuple[Namespace, ...]:
    """All networks that have a record, by name."""
    found = (_read_record(folder) for folder in _folders(places))
    return tuple(namespace for namespace in found if namespace is not None)


def hand_over(namespace: Namespace, new_owner: Owner) -> Namespace:
    """Give the network to another process, with whose end it becomes a leftover."""
    changed = replace(namespace, owner=new_owner)
    _write_record(changed)
    return changed


def remove(namespace: Namespace) -> None:
    """End what runs in the network and remove all that is left of it; what is gone already is no error."""
    for pid in _processes(namespace):
        end(pid)
    remove_tree(namespace.folder)


def sweep(places: Places) -> tuple[str, ...]:
    """Remove the networks whose owner is gone; their names."""
    with _locked(places):
        leftovers = [folder for folder in _folders(places) if _is_leftover(folder)]
        for folder in leftovers:
            namespace = _read_record(folder)
            if namespace is None:
                unmount_below(folder)
                remove_tree(folder)
            else:
                remove(namespace)
    return tuple(folder.name for folder in leftovers)


def batch(argv: list[str], lines: tuple[str, ...]) -> None:
    """Give lines to `ip` (or `tc`) as one batch; LabError with its words if one fails."""
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run([*argv, "-batch", "-"], input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)} failed: {done.stderr.strip()}\n{text}")


def _processes(namespace: Namespace) -> list[int]:
    """What runs inside, but for this process and those above it (a test that runs in the network itself)."""
    own = os.stat("/proc/self/ns/net")
    try:
        wanted = os.stat(namespace.pin)
    except FileNotFoundError:
        return []
    if (wanted.st_dev, wanted.st_ino) != (own.st_dev, namespace.inode):
        return []  # nothing is mounted there: whose processes would these be?
    spared = set(parents(os.getpid()))
    return [pid for pid in pids() if pid not in spared and _is_inside(pid, wanted)]


def _is_inside(pid: int, namespace: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(f"/proc/{pid}/ns/net"), namespace)
    except OSError:
        return False


@contextlib.contextmanager
def _locked(places: Places) -> Iterator[None]:
    places.networks.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(places.cache / ".networks.lock"):
        yield


def _folders(places: Places) -> list[Path]:
    return sorted(places.networks.iterdir()) if places.networks.is_dir() else []


def _is_leftover(folder: Path) -> bool:
    namespace = _read_record(folder)
    return namespace is None or not is_alive(namespace.owner)


def _write_record(namespace: Namespace) -> None:
    draft = namespace.folder / "record.draft"
    record = {"owner": asdict(namespace.owner), "inode": namespace.inode}
    draft.write_text(json.dumps(record), encoding="utf-8")
    draft.rename(namespace.folder / "record.json")


def _read_record(folder: Path) -> Namespace | None:
    try:
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Namespace(folder, Owner(**record["owner"]), record["inode"])
