"""Unit files on the disk: against what systemd has read of them, and against the links that enabling has made."""

from __future__ import annotations

import os
from typing import Dict, Iterator, List, Sequence

_FOLDERS = (
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
)
"""From the highest precedence to the lowest."""
_LINKS = {"wantedby": "wants", "requiredby": "requires"}


def has_unread(name: str, files: Sequence[str], root: str = "/") -> bool:
    """True where a unit file or drop-in lies there that systemd has not read.

    Its own NeedDaemonReload knows of changes to what it has read, but not of a drop-in in a new folder, nor of a unit
    file in a folder of higher precedence (systemd 252).
    """
    folders = [os.path.join(root, folder) for folder in _FOLDERS]
    if not files or os.path.dirname(files[0]) not in folders:
        return False  # made by a generator or a program, from whatever they like
    names = _names(name)
    fragment = next((path for path in _products(names, folders) if os.path.exists(path)), None)
    if fragment is not None and not _is_same(fragment, files[0]):
        return True
    dropins: Dict[str, str] = {}
    for path in _products([f"{each}.d" for each in names], folders):
        for entry in _entries(path):
            dropins.setdefault(entry, os.path.join(path, entry))
    wanted = {entry for entry, path in dropins.items() if entry.endswith(".conf") and not _is_same(path, os.devnull)}
    return not wanted <= {os.path.basename(path) for path in files[1:]}


def lacks_links(name: str, files: Sequence[str], root: str = "/") -> bool:
    """True where `[Install]` asks for a link that is not there: the unit was enabled when it asked for others.

    systemctl calls a unit enabled if any link to it exists. `files`: unit file and drop-ins, in systemd's order.
    """
    for key, targets in wanted_by(files).items():
        for target in targets:
            if "%" in target:
                continue  # a specifier, which only systemd can expand
            place = f"{target}.{_LINKS[key]}/{name}"
            if not any(os.path.lexists(os.path.join(root, folder, place)) for folder in _FOLDERS):
                return True
    return False


def wanted_by(files: Sequence[str]) -> Dict[str, List[str]]:
    """What the files say: `wantedby` and `requiredby` → units. An empty assignment takes back what stood before."""
    found: Dict[str, List[str]] = {key: [] for key in _LINKS}
    for path in files:
        section = ""
        for line in _lines(path):
            if line.startswith("["):
                section = line
                continue
            key, _, value = line.partition("=")
            key = key.strip().lower()
            if section == "[Install]" and key in found:
                found[key] = [*found[key], *value.split()] if value.strip() else []
    return found


def _names(name: str) -> List[str]:
    """The unit itself, and the template that it is an instance of."""
    prefix, at, rest = name.partition("@")
    return [name, f"{prefix}@.{rest.rpartition('.')[2]}"] if at else [name]


def _products(names: Sequence[str], folders: Sequence[str]) -> List[str]:
    return [os.path.join(folder, name) for name in names for folder in folders]


def _entries(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _lines(path: str) -> Iterator[str]:
    """The lines of a unit file without comments, continued ones joined."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return
    begun = ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith(("#", ";")):
            continue
        if line.endswith("\\"):
            begun += line[:-1] + " "
            continue
        yield (begun + line).strip()
        begun = ""
