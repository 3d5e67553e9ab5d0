"""Taps: made for whoever may open them, plugged into a network's bridge, and taken away again.

A tap of ours is known by its name, which its lease records before it is made, and by its MAC.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import Mapping, Optional

from . import addressing, netlink
from .problem import Refused
from .spec import Spec

_TUNSETIFF, _TUNSETPERSIST, _TUNSETOWNER = 0x400454CA, 0x400454CB, 0x400454CC
_TAP, _NO_PI, _VNET_HDR = 0x2, 0x1000, 0x4000
_SIOCSIFFLAGS, _SIOCGIFFLAGS, _SIOCSIFMTU, _SIOCSIFHWADDR, _SIOCBRADDIF = 0x8914, 0x8913, 0x8922, 0x8924, 0x89A2
_UP = 0x1


def tap_mac(mac: str) -> str:
    """The host's end of a guest's interface: never the lowest of the bridge's ports, never the guest's own."""
    return f"fe{mac[2:]}"


def choose(spec: Spec, owner: str, index: int, links: Mapping[str, netlink.Link]) -> str:
    """A name that nobody has."""
    return next(name for name in addressing.tap_names(spec.key, owner, index) if name not in links)


def is_ours(link: netlink.Link, mac: str) -> bool:
    """True for a tap that was made for a lease with this MAC, even if nobody came to mark it."""
    return link.kind == "tun" and (link.mac == tap_mac(mac) or link.master is None)


def raise_tap(spec: Spec, name: str, mac: str, uid: Optional[int], links: Mapping[str, netlink.Link]) -> None:
    """Bring a tap about as it should be, from whatever there is of it. Raises Refused."""
    assert spec.bridge is not None
    bridge = links.get(spec.bridge)
    if bridge is None:
        raise Refused(
            f"network {spec.name} is not active: its bridge {spec.bridge} is not there",
            mend="Apply the project again; after a reboot of the host this brings it back, with all leases.",
        )
    try:
        _open_and_keep(name, uid)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            _set(control, _SIOCSIFHWADDR, name, struct.pack("=H", 1) + bytes.fromhex(tap_mac(mac).replace(":", "")))
            _set(control, _SIOCSIFMTU, name, struct.pack("=i", spec.mtu))
            with contextlib.suppress(OSError):  # no IPv6 on this host
                Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1", encoding="ascii")
            index = socket.if_nametoindex(name)
            _plug(control, spec.bridge, index, links.get(name), bridge)
            flags = struct.unpack_from("=H", _set(control, _SIOCGIFFLAGS, name, b""), 16)[0]
            _set(control, _SIOCSIFFLAGS, name, struct.pack("=H", flags | _UP))
    except PermissionError:
        raise Refused("only root may make taps", mend="Let aivp become root on the host, or use mode: user.") from None
    except FileNotFoundError:
        raise Refused("/dev/net/tun is missing", mend="Load the kernel's module: modprobe tun.") from None
    except OSError as error:
        raise Refused(f"the tap {name} cannot be made: {error.strerror}") from None


def remove(name: str, mac: str) -> None:
    """Take a tap away, whoever has it open; what is not ours, or gone, is left alone."""
    link = netlink.links().get(name)
    if link is not None and is_ours(link, mac):
        netlink.delete_link(link.index)


def _open_and_keep(name: str, uid: Optional[int]) -> None:
    """Make it, or open it; whoever has it open keeps it as it is. Without an owner it would be anybody's."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP | _NO_PI | _VNET_HDR))
        except OSError as error:
            if error.errno == errno.EBUSY:
                return
            raise
        fcntl.ioctl(descriptor, _TUNSETOWNER, uid or 0)
        fcntl.ioctl(descriptor, _TUNSETPERSIST, 1)
    finally:
        os.close(descriptor)


def _plug(control: socket.socket, bridge: str, index: int, before: Optional[netlink.Link], into: netlink.Link) -> None:
    if before is not None and before.master == into.index:
        return
    try:
        _set(control, _SIOCBRADDIF, bridge, struct.pack("=i", index))
    except OSError as error:
        if error.errno != errno.EBUSY:  # it is in a bridge already: in ours, since it is our tap
            raise


def _set(control: socket.socket, request: int, name: str, value: bytes) -> bytes:
    """One ioctl upon an interface."""
    return fcntl.ioctl(control, request, struct.pack("16s24s", name.encode(), value))
