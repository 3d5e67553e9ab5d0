"""Mode user: the wire of each guest to the hub, and the uplink that QEMU makes for it. Starts and ends the hub.

No privilege is needed: the segment is a folder of sockets of mode 0700, the uplink QEMU's own network stack.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

from . import addressing, hub
from .leases import Lease
from .listen import Forward, read_forward
from .problem import Refused
from .spec import Spec

LONGEST = 107
"""Bytes of the path of a Unix socket."""
_READY = 10


def place_for(folder: Path, key: str) -> Path:
    """Where the sockets of a network go: into its folder, or, where their paths would be too long, a short one."""
    inside = folder / "wires"
    if len(os.fsencode(inside / _wire_name("", 0))) <= LONGEST:
        return inside
    above = Path("/run/aivp") if os.geteuid() == 0 else Path(f"/tmp/aivp-{os.geteuid()}")  # noqa: S108  # 0700, checked
    return above / key


def prepare(wires: Path, folder: Path) -> None:
    """Make the folder of sockets. Raises Refused where somebody else's stands in its place."""
    if wires.parent != folder:
        _private(wires.parent)
    _private(wires)


def remove(wires: Path, folder: Path) -> None:
    """End the hub and take the folder away."""
    hub.end(wires)
    if wires.is_dir():
        for path in wires.iterdir():
            path.unlink()
        wires.rmdir()
    if wires.parent != folder:
        with contextlib.suppress(OSError):  # others of our networks are in it
            wires.parent.rmdir()


def start_hub(wires: Path, program: Path) -> None:
    """See to it that the hub runs; it outlives us. Raises Refused where it does not start."""
    if hub.is_running(wires):
        return
    reading, writing = os.pipe()
    try:
        argv = [sys.executable or "/usr/bin/python3", "-I", str(program), "hub", str(writing)]
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[writing],
            start_new_session=True,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )
    finally:
        os.close(writing)
    try:
        os.read(reading, 1)  # ends as soon as it listens, or died
    finally:
        os.close(reading)
    process.returncode = 0  # it is nobody's child for long: no warning that it still runs
    if not hub.is_running(wires):
        raise Refused("the switch of the network does not start", mend=f"See what it says: {' '.join(argv[:3])} hub 2")


def netdev(wires: Path, owner: str, index: int) -> str:
    """QEMU's -netdev for the wire of one interface."""
    mine, other = wires / _wire_name(owner, index), wires / hub.HUB
    local = f"local.type=unix,local.path={_escaped(mine)}"
    return f"dgram,{local},remote.type=unix,remote.path={_escaped(other)}"


def unplug(wires: Path, owner: str, index: int) -> None:
    """Take the socket of an interface away."""
    with contextlib.suppress(FileNotFoundError):
        (wires / _wire_name(owner, index)).unlink()


def is_plugged(wires: Path, owner: str, index: int) -> bool:
    """True while somebody listens at the guest's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
        try:
            way.connect(str(wires / _wire_name(owner, index)))
        except OSError:
            return False
    return True


def uplink(spec: Spec, lease: Lease) -> Dict[str, Any]:
    """The guest's second interface, which leads outside: what QEMU and the guest need to know of it."""
    assert spec.uplink is not None
    network = ipaddress.IPv4Network(spec.uplink)
    options = ["user", "ipv4=on", "ipv6=off", f"net={network}"]
    options += ["restrict=on"] if spec.egress.default == "deny" else []
    return {
        "netdev": ",".join(options),
        "mac": addressing.mac_of(spec.key, lease.owner, lease.index, "uplink"),
        "address": str(network[15]),
        "prefix": network.prefixlen,
        "gateway": str(network[2]),
        "dns": list(spec.dns) or [str(network[3])],
        "hostfwd": [hostfwd(spec, read_forward(form)) for form in lease.forwards],
    }


def hostfwd(spec: Spec, forward: Forward) -> str:
    """A forward as QEMU's hostfwd says it. Raises Refused for what it cannot do."""
    assert spec.uplink is not None
    if not forward.is_for(4):
        mend = "Listen at an IPv4 address, or use mode: nat."
        raise Refused(f"mode user cannot listen at IPv6 addresses: {forward.text}", mend=mend)
    address = "" if forward.address is None else str(forward.address)
    return f"{forward.protocol}:{address}:{forward.host_port}-{ipaddress.IPv4Network(spec.uplink)[15]}:{forward.port}"


def _wire_name(owner: str, index: int) -> str:
    return hub.PREFIX + addressing.digest("wire", owner, index)[:12]


def _escaped(path: Path) -> str:
    return str(path).replace(",", ",,")


def _private(path: Path) -> None:
    """A folder that is ours alone, whoever may write above it."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise Refused(f"{path} is not a folder of ours alone", mend="Remove it: the sockets of networks go there.")


__all__: List[str] = [
    "hostfwd",
    "is_plugged",
    "netdev",
    "place_for",
    "prepare",
    "remove",
    "start_hub",
    "unplug",
    "uplink",
]
