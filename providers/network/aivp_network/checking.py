"""A declaration → the `Spec` that follows from it, or Permanent with the field at fault. Pure."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from aivp_sdk import Permanent

from . import declaration
from .segment import addressing, spec, wires
from .segment.problem import Refused

_SMALLEST, _SMALLEST6 = 30, 112
_UPLINKS = ("10.0.2.0/24", "172.31.254.0/24", "192.168.254.0/24")


def spec_of(desired: declaration.Network, folder: Path, bridge: Optional[str], dns: Sequence[str]) -> spec.Spec:
    """What follows from a declaration. bridge: the name that was chosen; dns: what the host asks. Raises Permanent."""
    if desired.cidr is None:
        raise Permanent("a network has a cidr", path="/cidr", mend="Such as cidr: 10.77.0.0/24.")
    network, key = cidr_of(desired.cidr), key_of(folder)
    gateway = _gateway(desired, network)
    first, last = _range(desired, network)
    network6 = cidr6_of(desired.cidr6, key)
    egress = _egress(desired)
    servers = _servers(desired)
    has_bridge = desired.mode != "user"
    if desired.bridge is not None and not has_bridge:
        raise Permanent("a network of mode user has no bridge", path="/bridge", mend="Leave `bridge` out.")
    return spec.Spec(
        name=desired.name,
        key=key,
        mode=desired.mode,
        cidr=str(network),
        gateway=gateway,
        first=first,
        last=last,
        mtu=desired.mtu,
        cidr6=None if network6 is None else str(network6),
        gateway6=None if network6 is None else str(network6[1]),
        domain=desired.dns.domain if desired.dns else None,
        dns=tuple(servers if servers is not None else (dns if desired.mode == "nat" else ())),
        egress=egress,
        reservations=_reservations(desired, network, network6),
        bridge=bridge if has_bridge else None,
        bridge_mac=addressing.mac_of(key, "bridge") if has_bridge else None,
        table=f"aivp-{key}" if has_bridge else None,
        wires=None if has_bridge else str(wires.place_for(folder, key)),
        uplink=None
        if has_bridge
        else next(text for text in _UPLINKS if not network.overlaps(ipaddress.IPv4Network(text))),
    )


def key_of(folder: Path) -> str:
    """12 hex digits of the folder of a network: no two on one machine are the same."""
    return addressing.digest("network", folder)[:12]


def cidr_of(text: str) -> ipaddress.IPv4Network:
    """The network that guests live in. Raises Permanent."""
    try:
        found = ipaddress.IPv4Interface(text if "/" in text else "")
    except ValueError:
        raise Permanent(f"{text} is no IPv4 network", path="/cidr", mend="Write it as 10.77.0.0/24.") from None
    network = found.network
    if found.ip != network.network_address:
        raise Permanent(f"{text} names a host, not a network", path="/cidr", mend=f"Write {network}.")
    if network.prefixlen > _SMALLEST or network.prefixlen < 8:
        raise Permanent(f"{text} is no size for a network of guests", path="/cidr", mend="Use a prefix of /8 to /30.")
    if network.is_loopback or network.is_multicast or network.is_link_local or network.is_reserved:
        mend = "Use a private network: within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
        raise Permanent(f"{text} cannot be a network of guests", path="/cidr", mend=mend)
    return network


def cidr6_of(text: Optional[str], key: str) -> Optional[ipaddress.IPv6Network]:
    """The IPv6 network; `auto` is one of the unique local ones, always the same here. Raises Permanent."""
    if text is None:
        return None
    if text == "auto":
        return ipaddress.IPv6Network((bytes.fromhex("fd" + addressing.digest("ula", key)[:14]) + bytes(8), 64))
    try:
        found = ipaddress.IPv6Interface(text)
    except ValueError:
        raise Permanent(f"{text} is no IPv6 network", path="/cidr6", mend="Write auto, or such as fd77::/64.") from None
    network = found.network
    if found.ip != network.network_address:
        raise Permanent(f"{text} names a host, not a network", path="/cidr6", mend=f"Write {network}.")
    if network.prefixlen > _SMALLEST6 or network.prefixlen < 32:
        raise Permanent(
            f"{text} is no size for a network of guests", path="/cidr6", mend="Use a prefix of /32 to /112."
        )
    if network.is_loopback or network.is_multicast or network.is_link_local or network.is_unspecified:
        raise Permanent(
            f"{text} cannot be a network of guests", path="/cidr6", mend="Write auto, or such as fd77::/64."
        )
    return network


def _gateway(desired: declaration.Network, network: ipaddress.IPv4Network) -> str:
    if desired.gateway is None:
        return str(network[1])
    return _inside(desired.gateway, network, "/gateway")


def _range(desired: declaration.Network, network: ipaddress.IPv4Network) -> Tuple[str, str]:
    if desired.range is None:
        return str(network[1]), str(network[-2])
    first = _inside(desired.range.start, network, "/range/start")
    last = _inside(desired.range.end, network, "/range/end")
    if ipaddress.IPv4Address(first) > ipaddress.IPv4Address(last):
        raise Permanent(
            f"the range ends at {last}, before it starts", path="/range/end", mend=f"Use one from {first} on."
        )
    return first, last


def _inside(text: str, network: Union[ipaddress.IPv4Network, ipaddress.IPv6Network], path: str) -> str:
    """An address that an interface in the network can have. Raises Permanent."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise Permanent(f"{text} is no address", path=path, mend=f"Choose one of {network}.") from None
    if found not in network:
        raise Permanent(f"{text} is not in {network}", path=path, mend=f"Choose one of {network}.")
    if found == network.network_address or (found.version == 4 and found == network.broadcast_address):
        raise Permanent(f"{text} stands for all of {network}", path=path, mend="Choose another one.")
    return str(found)


def _servers(desired: declaration.Network) -> Optional[List[str]]:
    if desired.dns is None or desired.dns.servers is None:
        return None
    for number, text in enumerate(desired.dns.servers):
        try:
            if ipaddress.ip_address(text).is_loopback:
                mend = "To a guest that is the guest itself: name a server that it can reach."
                raise Permanent(f"{text} is a loopback address", path=f"/dns/servers/{number}", mend=mend)
        except ValueError:
            raise Permanent(
                f"{text} is no address", path=f"/dns/servers/{number}", mend="Name servers are given by address."
            ) from None
    return [str(ipaddress.ip_address(text)) for text in desired.dns.servers]


def _reservations(
    desired: declaration.Network, network: ipaddress.IPv4Network, network6: Optional[ipaddress.IPv6Network]
) -> Tuple[spec.Reservation, ...]:
    found: List[spec.Reservation] = []
    taken: Dict[Any, str] = {_gateway(desired, network): "the host itself"}
    if network6 is not None:
        taken[str(network6[1])] = "the host itself"
    for number, item in enumerate(desired.reservations or ()):
        path = f"/reservations/{number}"
        address = None if item.address is None else _inside(item.address, network, f"{path}/address")
        if item.address6 is not None and network6 is None:
            raise Permanent("there is no IPv6 here", path=f"{path}/address6", mend="Declare `cidr6`, such as auto.")
        address6 = None
        if item.address6 is not None and network6 is not None:
            address6 = _inside(item.address6, network6, f"{path}/address6")
        try:
            mac = None if item.mac is None else addressing.read_mac(item.mac)
        except Refused as refused:
            raise Permanent(refused.message, path=f"{path}/mac", mend=refused.mend) from None
        for name, value in (
            ("", (item.owner, item.index)),
            ("/address", address),
            ("/address6", address6),
            ("/mac", mac),
        ):
            if value is not None and value in taken:
                said = (
                    f"{item.owner} has two reservations" if not name else f"{value} is reserved for {taken[value]}, too"
                )
                raise Permanent(said, path=f"{path}{name}", mend="Leave one of them out.")
            taken[value] = item.owner
        found.append(spec.Reservation(item.owner, item.index, address, address6, mac))
    return tuple(found)


def _egress(desired: declaration.Network) -> spec.Egress:
    if desired.egress is None:
        return spec.Egress()
    found = spec.Egress(
        desired.egress.default,
        tuple(_rule(rule, f"/egress/allow/{number}") for number, rule in enumerate(desired.egress.allow or ())),
        tuple(_rule(rule, f"/egress/deny/{number}") for number, rule in enumerate(desired.egress.deny or ())),
    )
    if desired.mode == "user" and (found.allow or found.deny):
        raise Permanent(
            "mode user cannot tell one destination from another: QEMU lets guests out, or it does not",
            path="/egress/allow" if found.allow else "/egress/deny",
            mend="Use mode: nat, or egress: {default: deny} alone.",
        )
    if desired.mode == "isolated" and (found.default == "allow" or found.allow):
        mend = "Leave `egress` out, or use mode: nat."
        raise Permanent("guests of an isolated network reach nothing outside", path="/egress", mend=mend)
    return found


def _rule(rule: declaration.Rule, path: str) -> Mapping[str, Any]:
    to = []
    for number, text in enumerate(rule.to or ()):
        try:
            to.append(str(ipaddress.ip_network(text)))
        except ValueError as error:
            mend = "Write a network or an address: 192.0.2.0/24, 2001:db8::1."
            raise Permanent(f"{text}: {error}", path=f"{path}/to/{number}", mend=mend) from None
    ports = [_ports(value, f"{path}/ports/{number}") for number, value in enumerate(rule.ports or ())]
    if ports and rule.protocol == "icmp":
        raise Permanent("icmp has no ports", path=f"{path}/ports", mend="Leave `ports` out.")
    if not to and not ports and rule.protocol == "any":
        raise Permanent("this rule is about everything", path=path, mend="That is what `default` says.")
    return {"to": to, "ports": ports, "protocol": rule.protocol}


def _ports(value: Union[int, str], path: str) -> str:
    text = str(value)
    numbers = [int(part) for part in text.split("-")] if re.match(declaration.PORT, text) else []
    if not numbers or not all(1 <= number <= 65535 for number in numbers) or numbers != sorted(numbers):
        raise Permanent(f"{text} is no port", path=path, mend="Write a port, or a range such as 8000-8100.")
    return text
