"""What `network` may declare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Literal, Optional, Union

from aivp_sdk import attribute

NAME = r"^[a-z][a-z0-9_-]{0,62}$"
PORT = r"^[0-9]{1,5}(-[0-9]{1,5})?$"


@dataclass
class Configuration:
    """`providers: network:`."""

    folder: Optional[str] = attribute(
        "Where networks are kept on each host; else below aivp's own folder there.", semantic="path"
    )


@dataclass
class Range:
    """Addresses that are given out."""

    start: str = attribute("The first address.", required=True)
    end: str = attribute("The last address.", required=True)


@dataclass
class Reservation:
    """What one guest's interface always gets."""

    owner: str = attribute("The guest: its VM's name.", required=True)
    index: int = attribute("Which of its interfaces, from 0.", default=0, minimum=0, maximum=31)
    address: Optional[str] = attribute("Its IPv4 address.")
    address6: Optional[str] = attribute("Its IPv6 address.")
    mac: Optional[str] = attribute("Its MAC.")


@dataclass
class Dns:
    """What guests ask for names."""

    servers: Optional[List[str]] = attribute("Addresses of name servers; else those that the host asks.")
    domain: Optional[str] = attribute("The domain in which guests look for short names.", pattern=r"^[A-Za-z0-9.-]+$")


@dataclass
class Rule:
    """Some traffic of guests to what is outside of their network."""

    to: Optional[List[str]] = attribute("Networks or addresses; else everywhere.", min_items=1)
    ports: Optional[List[Union[int, str]]] = attribute("Ports, as 443 or 8000-8100; else all.", min_items=1)
    protocol: Literal["any", "tcp", "udp", "icmp"] = attribute("Of which protocol.", default="any")


@dataclass
class Egress:
    """What guests may reach outside of their network."""

    default: Literal["allow", "deny"] = attribute("What holds where no rule does.", default="allow")
    allow: Optional[List[Rule]] = attribute("What they may reach all the same.")
    deny: Optional[List[Rule]] = attribute("What they may not reach, even where `allow` says so.")


@dataclass
class Network:
    """The declaration of a network."""

    name: str = attribute("What it is called on the host.", required=True, pattern=NAME, exposed=True)
    state: Literal["active", "inactive", "absent"] = attribute(
        "active: guests can be plugged in. inactive: nothing of it is there but its leases. absent: nothing at all.",
        default="active",
    )
    mode: Literal["user", "nat", "isolated"] = attribute(
        "user: without any privilege, through QEMU. nat: a bridge, and outside under the host's address. isolated: a"
        " bridge that leads nowhere.",
        default="nat",
    )
    cidr: Optional[str] = attribute("Its IPv4 network.", immutable=True, examples=["10.77.0.0/24"])
    gateway: Optional[str] = attribute("The host's own address in it; else the first.")
    cidr6: Optional[str] = attribute(
        "Its IPv6 network, or auto for a private one of its own; else it has none.",
        pattern=r"^(auto|[0-9A-Fa-f:]+/[0-9]+)$",
    )
    range: Optional[Range] = attribute("The addresses that are given out; else all.")
    reservations: Optional[List[Reservation]] = attribute("Addresses that are kept for one guest each.")
    dns: Optional[Dns] = attribute("What guests ask for names.")
    egress: Optional[Egress] = attribute("What guests may reach outside; else everything.")
    mtu: int = attribute("The largest packet, in bytes.", default=1500, minimum=576, maximum=65521)
    bridge: Optional[str] = attribute(
        "The name of its bridge; else one made from its own.",
        pattern=r"^[A-Za-z0-9_.-]{1,15}$",
        immutable=True,
        exposed=True,
    )
    path: Optional[str] = attribute("Its folder on the host, which holds `port.py`.", computed=True)
    interface: Optional[str] = attribute("Its bridge, where it has one.", computed=True)
    address: Optional[str] = attribute("The host's own address in it.", computed=True)
    address6: Optional[str] = attribute("The host's own IPv6 address in it.", computed=True)
    network6: Optional[str] = attribute("Its IPv6 network in effect.", computed=True)
