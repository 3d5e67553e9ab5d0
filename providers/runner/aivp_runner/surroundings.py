"""Where a host stands, from files alone: its full name, container, hypervisor, way into the network, time zone.

Every file is read up to a bound, and one that is not there or not readable counts as empty.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from typing import Dict

from aivp_contract.values import Json

LONGEST = 64 * 1024
"""Bytes of a file that are looked at."""

_ADDRESS_OF = 0x8915
"""SIOCGIFADDR."""

_HYPERVISORS = (
    ("amazon", "aws"),
    ("bhyve", "bhyve"),
    ("bochs", "bochs"),
    ("google", "google"),
    ("kvm", "kvm"),
    ("microsoft", "hyperv"),
    ("openstack", "kvm"),
    ("parallels", "parallels"),
    ("qemu", "qemu"),
    ("virtualbox", "virtualbox"),
    ("innotek", "virtualbox"),
    ("vmware", "vmware"),
    ("xen", "xen"),
)
"""What the firmware's tables say, in small letters → the name that we give it."""


def text(path: str) -> str:
    """A small file; empty where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read(LONGEST).decode("utf-8", "replace")
    except OSError:
        return ""


def full_name(hostname: str) -> str:
    """The name with its domain, from the name itself or /etc/hosts; else the name alone. Nobody is asked."""
    if "." in hostname:
        return hostname
    for line in text("/etc/hosts").splitlines():
        names = line.partition("#")[0].split()[1:]
        if hostname in names:
            return next((name for name in names if name.startswith(hostname + ".")), hostname)
    return hostname


def container() -> str:
    """docker, podman, lxc, systemd-nspawn, wsl, … as the container's manager says it; empty outside of any."""
    said = text("/run/systemd/container").strip() or text("/run/host/container-manager").strip()
    if said:
        return said.split()[0][:40]
    for entry in text("/proc/1/environ").split("\0"):
        if entry.startswith("container=") and entry != "container=":
            return entry[len("container=") :][:40]
    if os.path.exists("/run/.containerenv"):
        return "podman"
    return "docker" if os.path.exists("/.dockerenv") else ""


def virtualization() -> str:
    """kvm, qemu, vmware, hyperv, xen, … ; unknown where only the processor tells of one; empty on bare metal."""
    for path in ("/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/product_name", "/sys/class/dmi/id/bios_vendor"):
        said = text(path).lower()
        for sign, name in _HYPERVISORS:
            if sign in said:
                return name
    if text("/sys/hypervisor/type").strip() == "xen":
        return "xen"
    first = text("/proc/cpuinfo").partition("\n\n")[0]
    flags = next((line for line in first.splitlines() if line.startswith("flags")), "")
    return "unknown" if "hypervisor" in flags.split() else ""


def network() -> Dict[str, Json]:
    """The interface of the default route and its IPv4 address; both empty where there is no such route."""
    found = ""
    least = 1 << 32
    for line in text("/proc/net/route").splitlines()[1:]:
        parts = line.split()
        if len(parts) > 7 and parts[1] == "00000000" and parts[7] == "00000000" and int(parts[6]) < least:
            found, least = parts[0], int(parts[6])
    return {"interface": found, "ipv4": _ipv4(found) if found else ""}


def _ipv4(interface: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking.fileno(), _ADDRESS_OF, struct.pack("256s", interface.encode()[:15]))
        except OSError:
            return ""
    return socket.inet_ntoa(answer[20:24])


def timezone() -> str:
    """Its name, such as Europe/Berlin; UTC where the host says nothing of one."""
    try:
        target = os.readlink("/etc/localtime")
    except OSError:
        target = ""
    _, marked, name = target.partition("zoneinfo/")
    if marked and name:
        return name
    lines = text("/etc/timezone").split()
    return lines[0] if lines else "UTC"
