"""dnf's own files: its repositories and how old their lists are, its locks on versions. Reads only.

How old: dnf sets the time of a list's primary file at each look at the repository that found it fresh (measured with
dnf 4.14), as it does for its own `metadata_expire`. So nothing of ours has to be noted.
"""

from __future__ import annotations

import configparser
import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

from .ages import newest
from .rpm_output import Rpm

_TRUE = ("1", "true", "yes", "on")
_CLOCK_SKEW = 60
LOCKS = ("var/cache/dnf/metadata_lock.pid", "var/cache/dnf/download_lock.pid", "var/lib/dnf/rpmdb_lock.pid")


class Repository(NamedTuple):
    """A configured source. A lower `priority` wins over a higher one, whatever the versions."""

    id: str
    priority: int


def repositories(root: Path) -> List[Repository]:
    """Those that are enabled, by id."""
    found: Dict[str, Repository] = {}
    for path in [root / "etc/dnf/dnf.conf", *_sources(root)]:
        parsed = _parsed(path)
        for name in parsed.sections():
            if name == "main":
                continue
            found.pop(name, None)
            if parsed[name].get("enabled", "1").lower() in _TRUE:
                priority = parsed[name].get("priority", "99")
                found[name] = Repository(name, int(priority) if priority.isdigit() else 99)
    return [found[name] for name in sorted(found)]


def age(root: Path, now: float) -> Optional[int]:
    """Seconds since all lists were known to be fresh; None if one is missing, or if a source was changed after it."""
    configuration = root / "etc/dnf/dnf.conf"
    cache = root / _parsed(configuration).get("main", "cachedir", fallback="var/cache/dnf").lstrip("/")
    times = [newest(cache.glob(f"{_escaped(each.id)}-*/repodata/*primary.xml*")) for each in repositories(root)]
    changed = newest([configuration, root / "etc/yum.repos.d", *_sources(root)])
    oldest = min(times, default=0.0)
    if not oldest or changed > oldest or max(times) > now + _CLOCK_SKEW:
        return None
    return max(int(now - oldest), 0)


def lock_list(root: Path) -> Optional[Path]:
    """Where the versionlock plugin keeps its locks; None where the plugin is not there, or off."""
    parsed = _parsed(root / "etc/dnf/plugins/versionlock.conf")
    if parsed.get("main", "enabled", fallback="0").lower() not in _TRUE:
        return None
    return root / parsed.get("main", "locklist", fallback="/etc/dnf/plugins/versionlock.list").lstrip("/")


def locks(root: Path) -> List[str]:
    """The patterns of versions that are kept, such as `name-0:1.0-1.*`."""
    path = lock_list(root)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path and path.is_file() else []
    return [line.strip() for line in lines if line.strip() and line.strip()[0] not in "#!"]


def is_locked(package: Rpm, patterns: Sequence[str]) -> bool:
    """True where a lock is for what is installed; one for another version keeps nothing as it is."""
    base = f"{package.name}-{package.version}"
    full = f"{package.name}-{package.epoch}:{package.version}"
    names = [text + end for text in (base, full) for end in ("", f"-{package.release}")]
    names += [f"{name}.{package.architecture}" for name in names]
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


def lock_holder(root: Path) -> Optional[int]:
    """The process that holds one of dnf's locks; one that has ended holds none."""
    for name in LOCKS:
        try:
            pid = int((root / name).read_text(encoding="ascii").strip())
            os.kill(pid, 0)
        except (OSError, ValueError):
            continue
        return pid
    return None


def _sources(root: Path) -> List[Path]:
    return sorted((root / "etc/yum.repos.d").glob("*.repo"))


def _parsed(path: Path) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parsed.read(path, encoding="utf-8")
    except (OSError, UnicodeDecodeError, configparser.Error):
        return configparser.ConfigParser(interpolation=None)
    return parsed


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
