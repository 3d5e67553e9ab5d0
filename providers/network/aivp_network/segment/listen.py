"""Forwards of ports as people write them → values. Pure.

`listen`: a port, "8080", "127.0.0.1:8080", "[::1]:8080"; without an address all of the host's, 0.0.0.0 and [::] all of
one family.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Mapping, Optional

from .problem import Refused
from .spec import Address

PROTOCOLS = ("tcp", "udp")


@dataclass(frozen=True)
class Forward:
    """family: 4, 6, or None for both; address: None for all of the host's addresses; port: the guest's."""

    family: Optional[int]
    address: Optional[Address]
    host_port: int
    port: int
    protocol: str

    def is_for(self, family: int) -> bool:
        """True where connections of this family are forwarded."""
        return self.family in (None, family)

    def meets(self, other: Forward) -> bool:
        """True where one connection could be meant by both."""
        if (self.protocol, self.host_port) != (other.protocol, other.host_port):
            return False
        if None not in (self.family, other.family) and self.family != other.family:
            return False
        return self.address is None or other.address is None or self.address == other.address

    @property
    def text(self) -> str:
        """For people."""
        return f"{listen_text(self.family, self.address, self.host_port)}/{self.protocol}"


def listen_text(family: Optional[int], address: Optional[Address], port: int) -> str:
    """The normal form of `listen`."""
    if address is None:
        return {None: f"{port}", 4: f"0.0.0.0:{port}", 6: f"[::]:{port}"}[family]
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def read_forward(form: Any) -> Forward:
    """A forward as JSON says it: {listen, port, protocol}. Raises Refused."""
    if not isinstance(form, Mapping):
        raise Refused(f"{form!r} is no forward", mend='Write {"listen": "8080", "port": 80, "protocol": "tcp"}.')
    unknown = sorted(set(form) - {"listen", "port", "protocol"})
    if unknown:
        raise Refused(f"{unknown[0]} is no member of a forward", mend="There are listen, port and protocol.")
    protocol = form.get("protocol") or "tcp"
    if protocol not in PROTOCOLS:
        raise Refused(f"{protocol} cannot be forwarded", mend="protocol is tcp or udp.")
    listen = form.get("listen")
    port = _port(form.get("port"), "port")
    family, address, host_port = _listen(port if listen is None else listen)
    return Forward(family, address, host_port, port, protocol)


def form_of(forward: Forward) -> Mapping[str, Any]:
    """The reverse of `read_forward`, in its normal form."""
    listen = listen_text(forward.family, forward.address, forward.host_port)
    return {"listen": listen, "port": forward.port, "protocol": forward.protocol}


def _listen(given: Any) -> Any:
    if type(given) is int or (isinstance(given, str) and given.isdigit()):
        return None, None, _port(given, "listen")
    place, colon, port = str(given).rpartition(":")
    inner = place[1:-1] if place.startswith("[") and place.endswith("]") else place
    try:
        address: Address = ipaddress.ip_address(inner)
    except ValueError:
        address, colon = ipaddress.IPv4Address(0), ""
    if not colon or (address.version == 6) != (inner != place):
        mend = 'Write a port, or an address and a port: "8080", "127.0.0.1:8080", "[fd00::1]:8080".'
        raise Refused(f"{given!r} is no place to listen at", mend=mend) from None
    return address.version, None if address.is_unspecified else address, _port(port, "listen")


def _port(given: Any, name: str) -> int:
    if type(given) is int or (isinstance(given, str) and given.isdigit()):
        number = int(given)
        if 1 <= number <= 65535:
            return number
    raise Refused(f"{name} {given!r} is no port", mend="Ports are numbers from 1 to 65535.")
