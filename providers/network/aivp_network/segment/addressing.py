"""Names → numbers: MACs, addresses and names of interfaces that are the same whenever they are asked for. Pure."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Container, Iterator, Optional

from .problem import Refused
from .spec import Spec

MAX_NAME = 15
"""Bytes of an interface's name (IFNAMSIZ without its end)."""


def digest(*words: object) -> str:
    """64 hex digits of some words."""
    return hashlib.sha256("\0".join(map(str, words)).encode()).hexdigest()


def bridge_names(name: str, key: str) -> Iterator[str]:
    """What a network's bridge may be called, the best first: somebody else may have taken a name."""
    short = "".join(letter for letter in name if letter.isalnum() or letter == "_")[:6]
    for number in range(100):
        yield f"av-{short}-{digest('bridge', key, number)[:5]}"


def tap_names(key: str, owner: str, index: int) -> Iterator[str]:
    """What a guest's tap may be called, the best first."""
    for number in range(100):
        yield f"avt-{digest('tap', key, owner, index, number)[:11]}"


def macs(*words: object) -> Iterator[str]:
    """Locally administered addresses of one interface, the best first."""
    for number in range(100):
        yield mac_of(*words, number)


def mac_of(*words: object) -> str:
    """A locally administered unicast MAC."""
    found = digest("mac", *words)[:10]
    return ":".join(["02", *(found[place : place + 2] for place in range(0, 10, 2))])


def read_mac(text: str) -> str:
    """A MAC in its normal form. Raises Refused for what no interface can have."""
    parts = text.lower().replace("-", ":").split(":")
    try:
        numbers = [int(part, 16) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != 6 or max(numbers) > 255 or any(len(part) != 2 for part in parts):
        raise Refused(f"{text} is no MAC", mend="Write six pairs of hex digits, as in 02:00:5e:00:00:01.")
    if numbers[0] & 1 or not any(numbers):
        raise Refused(f"{text} is the MAC of no single interface", mend="Its first byte must be even, as in 02:….")
    return ":".join(parts)


def free_address(spec: Spec, words: str, taken: Container[ipaddress.IPv4Address]) -> ipaddress.IPv4Address:
    """The address that belongs to these words, or the next free one. Raises Refused where none is left."""
    first, last = int(ipaddress.IPv4Address(spec.first)), int(ipaddress.IPv4Address(spec.last))
    count = last - first + 1
    start = int(digest("address", spec.key, words)[:12], 16) % count
    for step in range(count):
        found = ipaddress.IPv4Address(first + (start + step) % count)
        if found not in taken:
            return found
    raise Refused(
        f"network {spec.name} has no address left: all {count} from {spec.first} to {spec.last} are taken",
        path="/cidr",
        mend="Detach guests that are gone (`port.py leases` lists them), or declare a larger network.",
    )


def free_address6(
    spec: Spec, address: ipaddress.IPv4Address, taken: Container[ipaddress.IPv6Address]
) -> Optional[ipaddress.IPv6Address]:
    """The IPv6 address with the number of an IPv4 one, or the next free one; None where there is no IPv6."""
    network = spec.network6
    if network is None:
        return None
    number = int(address) - int(spec.network.network_address)
    for step in range(min(network.num_addresses, 2**16)):
        found = network[(number + step) % min(network.num_addresses, 2**32)]
        if found not in taken and found != network.network_address:
            return found
    raise Refused(f"network {spec.name} has no IPv6 address left", path="/cidr6", mend="Declare a larger prefix.")
