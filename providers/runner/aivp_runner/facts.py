"""Facts: what every plan may ask of a host. Small, stable, and without anything unique to the machine but its id."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Dict

from aivp_contract.values import Json


def gather() -> Dict[str, Json]:
    """All facts; a few file reads, no process."""
    release = _os_release()
    return {
        "os": {
            "id": release.get("ID", sys.platform),
            "family": (release.get("ID_LIKE") or release.get("ID", sys.platform)).split()[0],
            "version_id": release.get("VERSION_ID", ""),
            "codename": release.get("VERSION_CODENAME", ""),
        },
        "arch": platform.machine(),
        "kernel": platform.release(),
        "hostname": platform.node(),
        "python": platform.python_version(),
        "init": _init(),
        "package_manager": _package_manager(release),
        "user": {"id": os.geteuid(), "is_root": os.geteuid() == 0},
        "cpus": os.cpu_count() or 1,
        "memory": _memory(),
    }


def incarnation() -> str:
    """What tells this host from one that took its place: derived from the machine id, which itself stays here."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            text = Path(path).read_text().strip()
        except OSError:
            continue
        if text and text != "uninitialized":
            return hashlib.sha256(b"aivp incarnation " + text.encode()).hexdigest()[:32]
    return "none"


def _init() -> str:
    if os.path.isdir("/run/systemd/system"):
        return "systemd"
    return "init-scripts" if os.path.isdir("/etc/init.d") and not os.path.isdir("/run/openrc") else "other"


def _package_manager(release: Dict[str, str]) -> str:
    """As the kind `package` chooses: where apt and dnf are both there, the release says whose host it is."""
    is_of_rpm = {"fedora", "rhel", "centos"} & {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    order = ("dnf", "apt") if is_of_rpm else ("apt", "dnf")
    return next((name for name in (*order, "apk", "brew") if shutil.which(name)), "")


def _os_release() -> Dict[str, str]:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key: value.strip("\"'") for key, _, value in pairs}


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
