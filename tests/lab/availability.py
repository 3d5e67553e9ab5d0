"""Whether throwaway hosts can be started here, as the one sentence that a skipped test says.

Tries what has to work (namespaces, a control group) rather than guess from the kind of machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.lab.cgroups import host_cgroups, make_cgroups, remove_cgroups
from tests.lab.errors import LabError
from tests.lab.mirror import mirror, missing_suite
from tests.lab.places import places
from tests.lab.recipe import DEFAULT_SUITE, recipe
from tests.lab.roots import architecture, is_cached

# command → the Debian package that has it
_COMMANDS = {
    "apt-ftparchive": "apt-utils",
    "dpkg-deb": "dpkg",
    "mmdebstrap": "mmdebstrap",
    "mount": "mount",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "systemd-nspawn": "systemd-container",
}
# and what a network of hosts needs beside that
_NETWORK_COMMANDS = {
    "chroot": "coreutils",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "tc": "iproute2",
}
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def available(suite: str = DEFAULT_SUITE, environ: Mapping[str, str] | None = None) -> str | None:
    """None if a host of this suite can be started, else the reason in one sentence without a full stop."""
    if sys.platform != "linux":
        return f"throwaway hosts need Linux, and this is {sys.platform}"
    if os.geteuid() != 0:
        return "throwaway hosts need root"
    return (
        _missing_command(_COMMANDS)
        or _missing_ability()
        or _missing_root(suite, os.environ if environ is None else environ)
    )


def network_available(suite: str = DEFAULT_SUITE, environ: Mapping[str, str] | None = None) -> str | None:
    """None if hosts of this suite can be started in a network and reached over SSH, else the reason."""
    return available(suite, environ) or _missing_command(_NETWORK_COMMANDS) or _missing_network()


def _missing_network() -> str | None:
    make = "ip link add one type bridge && ip link add two type veth peer name three"
    done = subprocess.run(["unshare", "--net", "sh", "-c", make], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"the kernel has no bridge or no veth: {done.stderr.strip()}"


def _missing_command(commands: Mapping[str, str]) -> str | None:
    for command, package in commands.items():
        if shutil.which(command) is None:
            return f"{command} is missing (Debian package {package})"
    return None


def _missing_ability() -> str | None:
    if not _KEYRING.exists():
        return "Debian's keys are missing (Debian package debian-archive-keyring)"
    argv = ["unshare", "--mount", "--pid", "--net", "--fork", "true"]
    if subprocess.run(argv, capture_output=True, check=False).returncode != 0:
        return "root may not make namespaces here (an unprivileged container?)"
    if not _has_overlay():
        return "the kernel has no overlay file system"
    return _missing_cgroup()


def _has_overlay() -> bool:
    if "overlay" in Path("/proc/filesystems").read_text().split():
        return True
    return subprocess.run(["modprobe", "overlay"], capture_output=True, check=False).returncode == 0


def _missing_cgroup() -> str | None:
    groups = host_cgroups(f"probe-{os.getpid()}")
    if not groups:
        return "no control groups are mounted that systemd could use"
    try:
        make_cgroups(groups)
        remove_cgroups(groups)
    except LabError as error:
        return str(error).rstrip(".")
    return None


def _missing_root(suite: str, environ: Mapping[str, str]) -> str | None:
    try:
        if is_cached(places(environ), recipe(suite, architecture())):
            return None
    except LabError as error:
        return str(error).rstrip(".")
    address = mirror(environ)
    return None if address is None else missing_suite(address, suite)
