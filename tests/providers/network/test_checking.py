"""Declarations that cannot be: each is refused at its field, before anything is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aivp_network.checking import spec_of
from aivp_network.declaration import Network
from aivp_sdk import Permanent
from aivp_sdk.schema import load

GOOD: dict[str, Any] = {"name": "lab", "cidr": "10.77.0.0/24", "cidr6": "fd77::/64"}
PLACE = Path("/var/lib/aivp/work/network/networks/lab")


@pytest.mark.parametrize(
    ("more", "path", "said"),
    [
        ({"cidr": "10.77.0.0"}, "/cidr", "no IPv4 network"),
        ({"cidr": "10.77.0.9/24"}, "/cidr", "names a host"),
        ({"cidr": "10.77.0.0/31"}, "/cidr", "no size"),
        ({"cidr": "0.0.0.0/0"}, "/cidr", "no size"),
        ({"cidr": "127.0.0.0/8"}, "/cidr", "cannot be a network of guests"),
        ({"cidr": "169.254.0.0/16"}, "/cidr", "cannot be"),
        ({"cidr": "224.0.0.0/24"}, "/cidr", "cannot be"),
        ({"cidr6": "fd77::1/64"}, "/cidr6", "names a host"),
        ({"cidr6": "fd77::/127"}, "/cidr6", "no size"),
        ({"cidr6": "fe80::/64"}, "/cidr6", "cannot be"),
        ({"gateway": "10.78.0.1"}, "/gateway", "not in 10.77.0.0/24"),
        ({"gateway": "10.77.0.255"}, "/gateway", "stands for all"),
        ({"gateway": "me"}, "/gateway", "no address"),
        ({"range": {"start": "10.77.0.9", "end": "10.77.0.8"}}, "/range/end", "before it starts"),
        ({"range": {"start": "10.1.0.9", "end": "10.77.0.8"}}, "/range/start", "not in"),
        ({"dns": {"servers": ["192.0.2.1", "127.0.0.53"]}}, "/dns/servers/1", "loopback"),
        ({"dns": {"servers": ["dns.example"]}}, "/dns/servers/0", "no address"),
        ({"reservations": [{"owner": "a", "address": "10.77.0.1"}]}, "/reservations/0/address", "the host itself"),
        (
            {"reservations": [{"owner": "a", "address": "10.77.0.2"}, {"owner": "b", "address": "10.77.0.2"}]},
            "/reservations/1/address",
            "reserved for a",
        ),
        ({"reservations": [{"owner": "a"}, {"owner": "a"}]}, "/reservations/1", "two reservations"),
        ({"reservations": [{"owner": "a", "mac": "x"}]}, "/reservations/0/mac", "no MAC"),
        ({"reservations": [{"owner": "a", "address6": "10.77.0.2"}]}, "/reservations/0/address6", "not in fd77::/64"),
        ({"egress": {"deny": [{"to": ["10.0.0.1/8"]}]}}, "/egress/deny/0/to/0", "has host bits set"),
        ({"egress": {"allow": [{"ports": [0]}]}}, "/egress/allow/0/ports/0", "no port"),
        ({"egress": {"allow": [{"ports": ["90-80"]}]}}, "/egress/allow/0/ports/0", "no port"),
        ({"egress": {"allow": [{"ports": [80], "protocol": "icmp"}]}}, "/egress/allow/0/ports", "no ports"),
        ({"egress": {"allow": [{}]}}, "/egress/allow/0", "about everything"),
        ({"mode": "user", "egress": {"deny": [{"ports": [25]}]}}, "/egress/deny", "one destination from another"),
        ({"mode": "user", "bridge": "br0"}, "/bridge", "no bridge"),
        ({"mode": "isolated", "egress": {"default": "allow"}}, "/egress", "nothing outside"),
    ],
)
def test_refused(more: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(Permanent, match=said) as refused:
        spec_of(load(Network, {**GOOD, **more}), PLACE, None, [])
    assert refused.value.path == path
    assert refused.value.mend


def test_what_follows_is_always_the_same() -> None:
    made = spec_of(load(Network, {**GOOD, "cidr6": "auto"}), PLACE, "av-lab-12345", ["192.0.2.53"])
    assert made == spec_of(load(Network, {**GOOD, "cidr6": "auto"}), PLACE, "av-lab-12345", ["192.0.2.53"])
    assert made.cidr6 is not None
    assert made.cidr6.startswith("fd")
    assert made.cidr6.endswith("/64")
    assert (made.gateway, made.dns, made.first, made.last) == ("10.77.0.1", ("192.0.2.53",), "10.77.0.1", "10.77.0.254")
    other = spec_of(load(Network, {**GOOD, "cidr6": "auto"}), PLACE.parent / "other", "x", [])
    assert other.cidr6 != made.cidr6
    assert other.table != made.table
