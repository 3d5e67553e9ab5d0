"""One control group for each host, in the hierarchies that systemd uses.

Without it every container that nspawn starts from here shares the group `payload`; two systemd in one group
see each other's processes, and `systemctl stop` waits for units that never become empty.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.mounts import Mount, mounts
from tests.lab.processes import send


def host_cgroups(name: str) -> tuple[Path, ...]:
    """Where the groups of a host belong: below those of this process, one for each hierarchy; not made yet."""
    memberships = Path("/proc/self/cgroup").read_text().splitlines()
    return tuple(parent / f"aivp-lab-{name}" for parent in parents(memberships, mounts()))


def make_cgroups(groups: Iterable[Path]) -> None:
    """Make the groups; LabError where this process may not."""
    for group in groups:
        try:
            group.mkdir(exist_ok=True)
        except OSError as error:
            raise LabError(f"The control group {group} cannot be made: {error.strerror}.") from error


def remove_cgroups(groups: Iterable[Path], seconds: float = 30.0) -> None:
    """Kill every process in the groups and below, and remove them; LabError if one outlives that."""
    deadline = time.monotonic() + seconds
    for group in groups:
        while not _removed(group):
            if time.monotonic() > deadline:
                raise LabError(f"The control group {group} still has processes in it.")
            for pid in members(group):
                send(pid, signal.SIGKILL)
            time.sleep(0.01)


def members(group: Path) -> tuple[int, ...]:
    """Ids of the processes in a group and the groups below it."""
    found: set[int] = set()
    for folder, _, _ in os.walk(group):
        with contextlib.suppress(OSError):  # the group was removed meanwhile
            found.update(int(pid) for pid in Path(folder, "cgroup.procs").read_text().split())
    return tuple(sorted(found - {0}))


def parents(memberships: Iterable[str], mounted: Iterable[Mount]) -> list[Path]:
    hierarchies = {
        "": next((mount for mount in mounted if mount.kind == "cgroup2"), None),
        "name=systemd": next((mount for mount in mounted if "name=systemd" in mount.options), None),
    }
    parents = []
    for line in memberships:
        _, controllers, path = line.split(":", 2)
        mount = hierarchies.get(controllers)
        if mount is not None:
            parents.append(_inside(mount, Path(path)))
    return sorted(parents)


def _inside(mount: Mount, path: Path) -> Path:
    """The folder of a group in a mount, or the mount itself if that shows only another part of the hierarchy."""
    is_shown = path.is_relative_to(mount.root) and ".." not in path.parts
    return mount.point / path.relative_to(mount.root) if is_shown else mount.point


def _removed(group: Path) -> bool:
    try:
        for folder, _, _ in os.walk(group, topdown=False):
            os.rmdir(folder)
    except FileNotFoundError:
        return False  # systemd takes its own groups away at the same time: look again
    except OSError:
        return False
    return not group.exists()
