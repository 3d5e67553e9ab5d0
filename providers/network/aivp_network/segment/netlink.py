"""The kernel's links, addresses and routes as values, and the end of a link: four messages of rtnetlink.

Reading must be cheap (it happens at every observe and attach) and see the namespace of this process, which /sys need
not: pyroute2, which makes the bridges, takes 0.2 s of CPU to import, this 1 ms (docs/adr/0051).
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Tuple

from .spec import Address, Subnet

_NEWLINK, _DELLINK, _GETLINK, _GETADDR, _GETROUTE = 16, 17, 18, 22, 26
_ERROR, _DONE = 2, 3
_REQUEST, _ACK, _DUMP = 1, 4, 0x300
_HEADER, _LINK, _ADDRESS, _ROUTE = struct.Struct("=IHHII"), struct.Struct("=BxHiII"), struct.Struct("=BBBBi"), 12
_CLONED, _LOCAL_TABLE = 0x200, 255
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


@dataclass(frozen=True)
class Link:
    """kind: bridge, tun, veth, …, empty for hardware. has_carrier: of a tap: somebody has opened it."""

    index: int
    name: str
    kind: str
    mac: str
    alias: str
    mtu: int
    master: Optional[int]
    is_up: bool
    has_carrier: bool


@dataclass(frozen=True)
class Held:
    """An address of the host."""

    link: int
    address: Address
    subnet: Subnet


@dataclass(frozen=True)
class Route:
    """A route that the host has, but for those to its own addresses. link: None where it leads nowhere."""

    to: Subnet
    link: Optional[int]
    protocol: int
    """2: the kernel's, of an address; 9: learnt from a router's advertisement."""


def links() -> Dict[str, Link]:
    """All links by name."""
    found = (_link(body) for body in _dump(_GETLINK, _LINK.pack(0, 0, 0, 0, 0)))
    return {link.name: link for link in found}


def addresses() -> List[Held]:
    """All addresses of the host."""
    return [_held(body) for body in _dump(_GETADDR, bytes(_ADDRESS.size))]


def routes() -> List[Route]:
    """All routes of the host in all tables, but for those to its own addresses and copies of others."""
    found = [_route(body) for family in _FAMILIES for body in _dump(_GETROUTE, bytes([family]) + bytes(_ROUTE - 1))]
    return [route for route in found if route is not None]


def delete_link(index: int) -> None:
    """Take a link away; one that has gone already is no error. Raises OSError."""
    try:
        for _ in _ask(_DELLINK, _REQUEST | _ACK, _LINK.pack(0, 0, index, 0, 0)):
            pass
    except ProcessLookupError:  # pragma: no cover  # ESRCH
        pass
    except OSError as error:
        if error.errno != 19:  # ENODEV
            raise


def _dump(kind: int, body: bytes) -> Iterator[bytes]:
    return _ask(kind, _REQUEST | _DUMP, body)


def _ask(kind: int, flags: int, body: bytes) -> Iterator[bytes]:
    """The bodies of all messages of an answer. Raises OSError for an error of the kernel."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as link:
        link.bind((0, 0))
        link.sendto(_HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body, (0, 0))
        while True:
            packet = link.recv(1 << 20)
            place = 0
            while place < len(packet):
                size, kind, _, _, _ = _HEADER.unpack_from(packet, place)
                inner = packet[place + _HEADER.size : place + size]
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    (code,) = struct.unpack_from("=i", inner)
                    if code:
                        raise OSError(-code, os.strerror(-code))
                    return
                yield inner
                place += (size + 3) & ~3


def _attributes(body: bytes) -> Dict[int, bytes]:
    found: Dict[int, bytes] = {}
    place = 0
    while place + 4 <= len(body):
        size, kind = struct.unpack_from("=HH", body, place)
        if size < 4:
            break
        found[kind & 0x3FFF] = body[place + 4 : place + size]
        place += (size + 3) & ~3
    return found


def _link(body: bytes) -> Link:
    _, _, index, flags, _ = _LINK.unpack_from(body)
    found = _attributes(body[_LINK.size :])
    inner = _attributes(found.get(18, b""))  # IFLA_LINKINFO
    master = found.get(10)
    return Link(
        index=index,
        name=_text(found.get(3, b"")),
        kind=_text(inner.get(1, b"")),
        mac=found.get(1, b"").hex(":"),
        alias=_text(found.get(20, b"")),
        mtu=struct.unpack("=I", found[4])[0] if 4 in found else 0,
        master=struct.unpack("=I", master)[0] if master else None,
        is_up=bool(flags & 1),
        has_carrier=bool(flags & 0x10000),
    )


def _held(body: bytes) -> Held:
    _, prefix, _, _, index = _ADDRESS.unpack_from(body)
    found = _attributes(body[_ADDRESS.size :])
    address = ipaddress.ip_address(found[2] if 2 in found else found[1])  # IFA_LOCAL is ours, IFA_ADDRESS a peer's
    peer = ipaddress.ip_address(found.get(1, found.get(2, b"")))
    return Held(index, address, ipaddress.ip_network(f"{peer}/{prefix}", strict=False))


def _route(body: bytes) -> Optional[Route]:
    family, prefix, _, _, table, protocol, _, _ = struct.unpack_from("=8B", body)
    (flags,) = struct.unpack_from("=I", body, 8)
    found = _attributes(body[_ROUTE:])
    if family not in _FAMILIES or flags & _CLONED:
        return None
    if 15 in found:
        (table,) = struct.unpack("=I", found[15])
    if table == _LOCAL_TABLE:
        return None
    address = ipaddress.ip_address(found[1] if 1 in found else bytes(4 if family == socket.AF_INET else 16))
    link = struct.unpack("=I", found[4])[0] if 4 in found else None
    return Route(ipaddress.ip_network(f"{address}/{prefix}", strict=False), link, protocol)


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")


__all__: Tuple[str, ...] = ("Held", "Link", "Route", "addresses", "delete_link", "links", "routes")
