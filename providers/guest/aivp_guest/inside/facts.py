"""This machine → what its host is told of it; all of it is read, nothing is started."""

from __future__ import annotations

import glob
import os
import sys
import time
from typing import Any, Dict, List

from aivp_guest.inside.netlink import Netlink


def facts() -> Dict[str, Any]:
    """Boot id, machine id, host name, public SSH host keys, links with their addresses, and what runs here."""
    return {
        "boot_id": text("/proc/sys/kernel/random/boot_id"),
        "machine_id": text("/etc/machine-id"),
        "hostname": os.uname().nodename,
        "kernel": os.uname().release,
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
        "init": text("/proc/1/comm"),
        "clock": time.time(),
        "uptime": time.clock_gettime(time.CLOCK_BOOTTIME),
        "ssh_host_keys": host_keys(),
        "links": links(),
    }


def text(path: str) -> str:
    """What a small file says; nothing where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def host_keys() -> List[str]:
    """Type and key, as known_hosts has them; sorted."""
    found = (text(path).split()[:2] for path in glob.glob("/etc/ssh/ssh_host_*_key.pub"))
    return sorted(" ".join(parts) for parts in found if len(parts) == 2)


def links() -> List[Dict[str, Any]]:
    """Real network cards in the order of their places, with their global addresses."""
    try:
        with Netlink() as kernel:
            addresses = kernel.addresses()
    except OSError:
        addresses = []
    found = []
    for name in cards():
        index = int(text(f"/sys/class/net/{name}/ifindex") or 0)
        mine = [f"{each.address}/{each.prefix}" for each in addresses if each.link == index and not each.scope]
        mac = text(f"/sys/class/net/{name}/address")
        found.append({"name": name, "index": index, "mac": mac, "addresses": sorted(mine)})
    return found


def cards() -> List[str]:
    """Names of the links that are devices, by where these are: the order in which the machine was given them."""
    folder = "/sys/class/net"
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    real = [name for name in names if os.path.exists(os.path.join(folder, name, "device"))]
    return sorted(real, key=lambda name: (os.path.realpath(os.path.join(folder, name, "device")), name))
