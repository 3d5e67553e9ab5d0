"""One network as it was last applied: the form of `network.json`, read and written. No I/O."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple, Union

from .problem import Refused

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Subnet = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


@dataclass(frozen=True)
class Egress:
    """What guests may reach outside. Rules: `to` (CIDRs), `ports` ("80", "8000-8100"), `protocol`; deny comes first."""

    default: str = "allow"
    allow: Tuple[Mapping[str, Any], ...] = ()
    deny: Tuple[Mapping[str, Any], ...] = ()

    @property
    def is_open(self) -> bool:
        """True where nothing is held back."""
        return self.default == "allow" and not self.deny


@dataclass(frozen=True)
class Reservation:
    """An address that only one guest's interface may have."""

    owner: str
    index: int
    address: Optional[str] = None
    address6: Optional[str] = None
    mac: Optional[str] = None


@dataclass(frozen=True)
class Spec:
    """key: 12 hex digits, another one in each folder. bridge, bridge_mac, table: None in mode user.

    wires: the folder of the sockets of mode user; uplink: the guest's own network behind its user-mode uplink.
    first, last: the range that leases are taken from.
    """

    name: str
    key: str
    mode: str
    cidr: str
    gateway: str
    first: str
    last: str
    mtu: int
    cidr6: Optional[str] = None
    gateway6: Optional[str] = None
    domain: Optional[str] = None
    dns: Tuple[str, ...] = ()
    egress: Egress = field(default_factory=Egress)
    reservations: Tuple[Reservation, ...] = ()
    bridge: Optional[str] = None
    bridge_mac: Optional[str] = None
    table: Optional[str] = None
    wires: Optional[str] = None
    uplink: Optional[str] = None

    @property
    def network(self) -> ipaddress.IPv4Network:
        """The IPv4 network."""
        return ipaddress.IPv4Network(self.cidr)

    @property
    def network6(self) -> Optional[ipaddress.IPv6Network]:
        """The IPv6 network, if there is one."""
        return None if self.cidr6 is None else ipaddress.IPv6Network(self.cidr6)

    @property
    def has_bridge(self) -> bool:
        """True where taps are plugged into a bridge of the host."""
        return self.mode != "user"

    def form(self) -> Dict[str, Any]:
        """As JSON."""
        found = asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def read_spec(form: Mapping[str, Any]) -> Spec:
    """The reverse of `form`. Raises Refused for what another version wrote, or nobody."""
    try:
        return _read(form)
    except (KeyError, TypeError):
        mend = "Remove the network's folder where nothing of it is needed, or use the version of aivp that made it."
        raise Refused("the record of the network is damaged, or of another version", mend=mend) from None


def _read(form: Mapping[str, Any]) -> Spec:
    found: Dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in form.items()}
    egress, reservations = found.pop("egress"), found.pop("reservations")
    return Spec(
        **found,
        egress=Egress(egress["default"], tuple(egress["allow"]), tuple(egress["deny"])),
        reservations=tuple(Reservation(**item) for item in reservations),
    )
