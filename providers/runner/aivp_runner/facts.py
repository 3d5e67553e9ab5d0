"""Facts: what every plan may ask of a host. Small and stable: nothing here changes from one call or boot to the next,
nothing is unique to the machine but its names, its address and its id. A few file reads; no process, no name server.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import Dict

from aivp_contract.values import Json

from . import surroundings


def gather() -> Dict[str, Json]:
    """All facts, each of one type everywhere: what a host does not have is an empty text, or 0."""
    release, system = _os_release(), os.uname()
    memory = _memory()
    return {
        "os": {
            "id": release.get("ID", sys.platform),
            "family": (release.get("ID_LIKE") or release.get("ID", sys.platform)).split()[0],
            "name": release.get("PRETTY_NAME", ""),
            "version_id": release.get("VERSION_ID", ""),
            "codename": release.get("VERSION_CODENAME", ""),
        },
        "arch": system.machine,
        "kernel": system.release,
        "hostname": system.nodename,
        "fqdn": surroundings.full_name(system.nodename),
        "python": sys.version.split()[0],
        "init": _init(),
        "package_manager": _package_manager(release),
        "user": {"id": os.geteuid(), "is_root": os.geteuid() == 0},
        "cpus": os.cpu_count() or 1,
        "memory": memory,
        "memory_mib": memory >> 20,
        "container": surroundings.container(),
        "virtualization": surroundings.virtualization(),
        "network": surroundings.network(),
        "timezone": surroundings.timezone(),
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
    pairs = (line.partition("=") for line in surroundings.text("/etc/os-release").splitlines() if "=" in line)
    return {key: value.strip().strip("\"'") for key, _, value in pairs if not key.startswith("#")}


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
