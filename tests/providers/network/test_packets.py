"""Real packets: guests on taps, a gateway, an outside, forwards and egress, over IPv4 and IPv6."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aivp_sdk.testing import Harness

from tests.providers.network.realm import Realm, eventually

LAB: dict[str, Any] = {"name": "lab", "cidr": "10.77.0.0/24", "cidr6": "fd77::/64", "mode": "nat"}
HOST, OUTSIDE, OUTSIDE6 = "192.0.2.1", "192.0.2.2", "2001:db8::2"


def test_nat_leads_outside_and_nobody_in(realm: Realm, harness: Harness) -> None:
    made = harness.create("network", LAB)
    assert made.outputs["address"] == "10.77.0.1"
    web, db = realm.guest("web"), realm.guest("db")
    assert web.pings("10.77.0.1")
    assert eventually(lambda: web.pings("fd77::1"))
    assert web.pings(db.address), "guests among themselves"
    realm.outside.serve(7000)
    assert web.told(OUTSIDE, 7000) == HOST, "outside, a guest has the host's address"
    assert web.told(OUTSIDE6, 7000) == "2001:db8::1"
    db.serve(7001)
    assert web.told(db.address, 7001) == web.address
    assert realm.host.told(db.address, 7001) == "10.77.0.1", "the host reaches its guests"
    realm.outside.ip("route add 10.77.0.0/24 via 192.0.2.1")
    assert realm.outside.ask(db.address, 7001) is None, "nobody else does"
    assert harness.plan("network", LAB).action == "no-op"


def test_an_isolated_one_leads_nowhere(realm: Realm, harness: Harness) -> None:
    harness.create("network", {**LAB, "mode": "isolated"})
    web, db = realm.guest("web"), realm.guest("db")
    assert web.lease["gateway"] is None
    assert web.pings(db.address)
    assert web.pings("10.77.0.1")
    realm.outside.serve(7000)
    realm.host.serve(7002)
    web.ip("route add default via 10.77.0.1")
    realm.host.run("sysctl", "-w", "net.ipv4.ip_forward=1")
    assert web.ask(OUTSIDE, 7000) is None, "not even where the host forwards"
    assert web.ask("10.77.0.1", 7002) is None, "what the host serves is outside, too"
    db.serve(7001)
    assert realm.host.told(db.address, 7001) == "10.77.0.1"
    refused = realm.forward("web", {"listen": "8080", "port": 80})
    assert "isolated" in refused["error"]["message"]


def test_forwards_change_live(realm: Realm, harness: Harness) -> None:
    harness.create("network", LAB)
    web, db = realm.guest("web"), realm.guest("db")
    web.serve(80)
    db.serve(80)
    web.serve(53, "udp")
    forward = {"listen": "8080", "port": 80, "protocol": "tcp"}
    assert realm.forward("web", forward) == {"forwards": [forward]}
    assert realm.outside.told(HOST, 8080) == OUTSIDE, "the guest sees who asks"
    assert realm.outside.told("2001:db8::1", 8080) == OUTSIDE6
    assert realm.host.told("127.0.0.1", 8080) == "10.77.0.1"
    assert realm.host.told(HOST, 8080) == HOST
    assert db.told("10.77.0.1", 8080) is not None, "guests, too"
    realm.forward(
        "web", {"listen": "127.0.0.1:8080", "port": 80}, {"listen": f"{HOST}:53", "port": 53, "protocol": "udp"}
    )
    assert realm.host.told("127.0.0.1", 8080) == "10.77.0.1"
    assert realm.outside.ask(HOST, 8080) is None
    assert realm.outside.told(HOST, 53, "udp") == OUTSIDE
    assert harness.plan("network", LAB).action == "no-op", "forwards are no drift"
    realm.forward("web")
    assert realm.host.ask("127.0.0.1", 8080) is None


def test_a_port_that_is_taken_says_by_whom(realm: Realm, harness: Harness) -> None:
    harness.create("network", LAB)
    harness.create("network", {"name": "other", "cidr": "10.78.0.0/24"})
    realm.port("attach", "web", "0")
    realm.port("attach", "db", "0", network="other")
    realm.host.serve(8080)
    refused = realm.forward("web", {"listen": "8080", "port": 80})
    assert "has it" in refused["error"]["message"]
    assert "python" in refused["error"]["message"]
    assert realm.forward("web", {"listen": "8081", "port": 80})["forwards"]
    refused = realm.forward("db", {"listen": "127.0.0.1:8081", "port": 80}, network="other")
    assert refused["error"]["message"] == "127.0.0.1:8081/tcp of the host is taken: web of network lab has it"
    assert realm.forward("db", {"listen": "8081", "port": 80, "protocol": "udp"}, network="other")["forwards"]
    refused = realm.forward("web", {"listen": "192.0.2.77:8082", "port": 80})
    assert "192.0.2.77 is no address of the host" in refused["error"]["message"]
    refused = realm.forward("web", {"listen": "[::1]:8082", "port": 80})
    assert "::1" in refused["error"]["message"]


def test_loopback_of_the_host_is_not_the_guests(realm: Realm, harness: Harness) -> None:
    harness.create("network", LAB)
    web = realm.guest("web")
    realm.host.serve(7003)
    assert web.told("10.77.0.1", 7003) == web.address
    web.run("sysctl", "-w", "net.ipv4.conf.eth0.route_localnet=1")
    web.ip("address del 127.0.0.1/8 dev lo", "route add 127.0.0.0/8 via 10.77.0.1 dev eth0")
    assert web.ask("127.0.0.1", 7003) is None


@pytest.mark.parametrize(
    ("egress", "reached"),
    [
        ({"default": "deny"}, []),
        ({"default": "deny", "allow": [{"to": [f"{OUTSIDE}/32"], "ports": [7000], "protocol": "tcp"}]}, ["4/tcp/7000"]),
        ({"default": "deny", "allow": [{"to": ["2001:db8::/32"]}]}, ["6/tcp/7000", "6/tcp/7001", "6/udp/7000"]),
        (
            {"deny": [{"ports": ["7000-7000"], "protocol": "tcp"}]},
            ["4/tcp/7001", "6/tcp/7001", "4/udp/7000", "6/udp/7000"],
        ),
        (
            {"allow": [{"to": [OUTSIDE]}], "deny": [{"to": ["192.0.2.0/24"]}]},
            ["6/tcp/7000", "6/tcp/7001", "6/udp/7000"],
        ),
    ],
)
def test_egress(realm: Realm, harness: Harness, egress: dict[str, Any], reached: list[str]) -> None:
    harness.create("network", {**LAB, "egress": egress})
    web = realm.guest("web")
    realm.outside.serve(7000)
    realm.outside.serve(7001)
    realm.outside.serve(7000, "udp")
    assert web.pings("10.77.0.1"), "the gateway answers in any case"
    ways = [("tcp", 7000), ("tcp", 7001), ("udp", 7000)]
    found = [
        f"{family}/{protocol}/{port}"
        for family, address in ((4, OUTSIDE), (6, OUTSIDE6))
        for protocol, port in ways
        if (web.told if f"{family}/{protocol}/{port}" in reached else web.ask)(address, port, protocol)
    ]
    assert sorted(found) == sorted(reached)
    assert harness.plan("network", {**LAB, "egress": egress}).action == "no-op"


def test_egress_changes_in_place(realm: Realm, harness: Harness) -> None:
    harness.create("network", LAB)
    web = realm.guest("web")
    realm.outside.serve(7000)
    realm.forward("web", {"listen": "8080", "port": 80})
    web.serve(80)
    assert web.told(OUTSIDE, 7000) == HOST
    harness.update("network", {**LAB, "egress": {"default": "deny"}})
    begun = time.monotonic()
    assert web.ask(OUTSIDE, 7000) is None
    assert time.monotonic() - begun < 0.9, "refused at once, not lost in silence"
    assert realm.outside.told(HOST, 8080) == OUTSIDE, "forwards stay"
    harness.update("network", {**LAB, "mode": "isolated"})
    assert realm.outside.ask(HOST, 8080) is None
    harness.update("network", LAB)
    assert web.told(OUTSIDE, 7000) == HOST, "what was said of another mode is over"
    assert realm.outside.told(HOST, 8080) == OUTSIDE
