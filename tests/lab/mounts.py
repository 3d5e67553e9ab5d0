"""Mounts of this mount namespace: which are below a folder, how they go, and removal that never crosses one.

Removing a tree in which something is still mounted could empty the machine's own /dev, so every removal in
the lab goes through `remove_tree`.
"""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError

_REMOVAL_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo, as far as the lab needs it."""

    root: str
    point: Path
    kind: str
    options: frozenset[str]


def parse_mountinfo(text: str) -> tuple[Mount, ...]:
    """The mounts of a /proc/PID/mountinfo, oldest first; proc(5) has the format."""
    return tuple(_mount(line) for line in text.splitlines())


def mounts() -> tuple[Mount, ...]:
    """The mounts that this process sees."""
    return parse_mountinfo(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape"))


def mounts_below(folder: Path) -> tuple[Path, ...]:
    """Mount points at or below `folder`, the one to unmount first coming first."""
    return tuple(mount.point for mount in reversed(mounts()) if mount.point.is_relative_to(folder))


def unmount_below(folder: Path) -> None:
    """Unmount everything at and below `folder`; what is busy is detached and goes when it is not."""
    for point in mounts_below(folder):
        if subprocess.run(["umount", str(point)], capture_output=True, check=False).returncode != 0:
            subprocess.run(["umount", "--lazy", str(point)], capture_output=True, check=False)
    remaining = mounts_below(folder)
    if remaining:
        raise LabError(f"{remaining[0]} cannot be unmounted.")


def remove_tree(folder: Path) -> None:
    """Remove `folder` and all in it, mounts taken away first; one that is not there is no error."""
    folder = folder.resolve()
    unmount_below(folder)
    for _ in range(_REMOVAL_ATTEMPTS):  # a process that was just killed may write its last file meanwhile
        argv = ["rm", "-rf", "--one-file-system", "--", str(folder)]
        if subprocess.run(argv, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise LabError(f"{folder} cannot be removed.")


def _mount(line: str) -> Mount:
    before, _, after = line.partition(" - ")
    fields, tail = before.split(" "), after.split(" ")
    return Mount(
        root=_unescaped(fields[3]),
        point=Path(_unescaped(fields[4])),
        kind=tail[0],
        options=frozenset(tail[2].split(",")),
    )


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
