"""Nothing of anybody else's is touched, whatever happens: what was before is what is after."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from aivp_sdk.testing import Failed, Harness

from tests.providers.network.realm import Realm, eventually

LAB: dict[str, Any] = {"name": "lab", "cidr": "10.77.0.0/24", "cidr6": "auto", "mode": "nat"}
SEED = 7
IS_FULL = os.environ.get("AIVP_TEST_ALL") == "1"
FOREIGN = """
table inet aivp-other {
    chain forward { type filter hook forward priority 0; policy accept; counter
    }
}
table ip filter {
    chain FORWARD { type filter hook forward priority 0; policy accept; }
}
table ip nat {
    chain POSTROUTING { type nat hook postrouting priority 100; oifname "up0" masquerade
    }
}
"""


def crowd(realm: Realm) -> None:
    """Things of others that look like ours."""
    realm.host.ip(
        "link add av-lab-00000 type bridge",
        "address add 10.99.0.1/24 dev av-lab-00000",
        "tuntap add avt-00000000000 mode tap",
        "link set avt-00000000000 master av-lab-00000",
        "rule add from 10.99.0.0/24 lookup 100",
        "route add 10.98.0.0/24 via 192.0.2.2 table 100",
    )
    realm.host.run("nft", "-f", "-", stdin=FOREIGN)


@pytest.mark.parametrize("mode", ["nat", "isolated"])
def test_before_is_after(realm: Realm, harness: Harness, mode: str) -> None:
    crowd(realm)
    before = realm.snapshot()
    lab, two = {**LAB, "mode": mode}, {"name": "two", "cidr": "10.78.0.0/24"}
    harness.create("network", lab)
    harness.create("network", two)
    realm.port("attach", "web", "0")
    realm.port("attach", "web", "1")
    if mode == "nat":
        realm.forward("web", {"listen": "8080", "port": 80})
    during = realm.snapshot()
    assert during["settings"] != before["settings"]
    assert set(before["rules"]) <= set(during["rules"])
    harness.delete("network", lab)
    assert realm.host.run("sysctl", "-n", "net.ipv4.ip_forward") == "1\n", "the other one needs it"
    harness.delete("network", two)
    assert realm.snapshot() == before
    assert list(realm.folder.iterdir()) == []


def test_what_the_host_forwarded_it_forwards_still(realm: Realm, harness: Harness) -> None:
    realm.host.run("sysctl", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    before = realm.snapshot()
    harness.create("network", LAB)
    harness.delete("network", LAB)
    assert realm.snapshot() == before


def test_forwarding_stays_where_another_came_to_need_it(realm: Realm, harness: Harness) -> None:
    harness.create("network", LAB)
    realm.host.run("nft", "-f", "-", stdin=FOREIGN)
    harness.delete("network", LAB)
    assert realm.host.run("sysctl", "-n", "net.ipv4.ip_forward") == "1\n"
    assert any("stays on" in note["message"] and "ip nat" in note["message"] for note in harness.notes)


def test_a_name_that_somebody_has_is_not_taken(realm: Realm, harness: Harness) -> None:
    mine = harness.observe("network", LAB).computed["interface"]
    realm.host.ip(f"link add {mine} type bridge")
    made = harness.create("network", LAB)
    assert made.outputs["interface"] != mine
    with pytest.raises(Failed) as failed:
        harness.create("network", {"name": "b", "cidr": "10.78.0.0/24", "bridge": mine})
    assert failed.value.error["path"] == "/bridge"
    harness.delete("network", LAB)
    assert mine in realm.host.run("ip", "-br", "link")


@pytest.mark.parametrize(
    ("cidr", "said"),
    [
        ("192.0.2.128/25", "where the host has 192.0.2.1 (up0)"),
        ("10.98.0.0/16", "which the host reaches over up0"),
        ("10.78.0.0/16", "which is network two"),
    ],
)
def test_a_network_that_overlaps(realm: Realm, harness: Harness, cidr: str, said: str) -> None:
    crowd(realm)
    harness.create("network", {"name": "two", "cidr": "10.78.0.0/24", "mode": "isolated"})
    for state in ("active", "inactive"):
        with pytest.raises(Failed) as failed:
            harness.create("network", {**LAB, "cidr": cidr, "state": state})
        assert failed.value.error["path"] == "/cidr"
        assert said in failed.value.error["message"]
    assert not (realm.folder / "networks" / "lab").exists(), "nothing half-made remains"


def test_two_new_ones_that_overlap(realm: Realm, harness: Harness) -> None:
    items: list[Any] = [
        {"id": name, "kind": "network", "config": {"name": name, "cidr": cidr}}
        for name, cidr in (("a", "10.77.0.0/24"), ("b", "10.77.0.128/25"))
    ]
    first, second = harness.request("observe", {"items": items})["items"]
    assert "observation" in first
    assert "overlaps 10.77.0.0/24 of network a" in second["error"]["message"]


def test_a_firewall_that_drops_is_named(realm: Realm, harness: Harness) -> None:
    realm.host.run("nft", "-f", "-", stdin=FOREIGN.replace("0; policy accept; }", "0; policy drop; }"))
    harness.create("network", LAB)
    assert any("table ip filter drops" in note["message"] for note in harness.notes)


def test_after_a_reboot_leases_are_kept(realm: Realm, harness: Harness) -> None:
    made = harness.create("network", LAB)
    lease = realm.port("attach", "web", "0")
    realm.port("attach", "db", "0")
    realm.forward("web", {"listen": "8080", "port": 80})
    realm.host.ip(f"link delete {made.outputs['interface']}", f"link delete {lease['tap']}")
    realm.host.run("nft", "flush", "ruleset")
    realm.host.run("sysctl", "-w", "net.ipv4.ip_forward=0")
    assert "not active" in realm.port("attach", "web", "0")["error"]["message"]
    decided = harness.plan("network", LAB)
    assert [(change.path, change.before, change.after) for change in decided.changes] == [
        ("/state", "inactive", "active")
    ]
    harness.update("network", LAB)
    assert realm.port("attach", "web", "0") == lease
    assert "dport 8080" in realm.host.run("nft", "list", "ruleset")


DAMAGES = (
    "nft flush ruleset",
    "nft delete rule inet TABLE forward handle HANDLE",
    "nft add rule inet TABLE egress drop",
    "nft flush chain inet TABLE forwards",
    "ip link set BRIDGE down",
    "ip link set BRIDGE mtu 1400",
    "ip address flush dev BRIDGE",
    "ip address add 10.55.0.1/24 dev BRIDGE",
    "ip link delete BRIDGE",
    "sysctl -w net.ipv4.ip_forward=0",
)


def test_damage_is_drift_and_mended(realm: Realm, harness: Harness) -> None:
    made = harness.create("network", LAB)
    web = realm.guest("web")
    web.serve(80)
    realm.forward("web", {"listen": "8080", "port": 80})
    table = realm.host.run("nft", "list", "tables").split()[-1]
    for damage in DAMAGES:
        rules = realm.host.run("nft", "-a", "list", "chain", "inet", table, "forward")
        names = {"TABLE": table, "BRIDGE": made.outputs["interface"], "HANDLE": rules.split()[-3]}
        realm.host.run(*[names.get(word, word) for word in damage.split()])
        assert [change.path for change in harness.plan("network", LAB).changes] == ["/state"], damage
        harness.update("network", LAB)
        there = eventually(lambda: realm.outside.ask("192.0.2.1", 8080) is not None)
        assert there, f"{damage}: the guest that ran on is plugged in again"


def test_an_inactive_one_keeps_its_leases(realm: Realm, harness: Harness) -> None:
    before = realm.snapshot()
    harness.create("network", LAB)
    lease = realm.port("attach", "web", "0")
    harness.update("network", {**LAB, "state": "inactive"})
    assert realm.snapshot() == before
    assert realm.port("attach", "web", "0")["error"]["message"] == "network lab is inactive"
    harness.update("network", LAB)
    assert realm.port("attach", "web", "0") == lease


def test_what_another_version_made_is_made_anew(realm: Realm, harness: Harness) -> None:
    harness.create("network", LAB)
    web = realm.guest("web")
    record = realm.folder / "networks/lab/network.json"
    record.write_text(record.read_text().replace('"made_by": "', '"made_by": "0'))
    harness.update("network", LAB)
    assert any("another version" in note["message"] for note in harness.notes)
    assert web.pings("10.77.0.1")
    assert harness.plan("network", LAB).action == "no-op"


def test_what_is_in_use_is_not_removed(realm: Realm, harness: Harness) -> None:
    harness.create("network", LAB)
    web = realm.guest("web")
    with pytest.raises(Failed, match="web is plugged into network lab"):
        harness.delete("network", LAB)
    assert web.pings("10.77.0.1")
    realm.port("detach", "web")
    harness.delete("network", LAB)


def test_taps_of_owners_that_are_gone_are_swept(realm: Realm, harness: Harness) -> None:
    harness.create("network", LAB)
    home = realm.folder / "web"
    home.mkdir()
    lease = realm.port("attach", "web", "0", "--witness", str(home))
    with pytest.raises(Failed, match="web is plugged in"):
        harness.delete("network", LAB)
    home.rmdir()
    assert realm.port("attach", "db", "0")["address"] != lease["address"]
    assert [item["owner"] for item in realm.port("leases")["leases"]] == ["db"]
    assert lease["tap"] not in realm.host.run("ip", "-br", "link")
    harness.delete("network", LAB)


def test_a_tap_is_for_its_user_alone(realm: Realm, harness: Harness) -> None:
    harness.create("network", LAB)
    taps = {
        name: realm.port("attach", name, "0", *more)["tap"] for name, more in (("a", ()), ("b", ("--uid", "12345")))
    }
    for name, uid, may in (("a", 12345, False), ("b", 12345, True), ("b", 12346, False)):
        argv = [sys.executable, "-c", OPEN, taps[name], str(uid)]
        done = subprocess.run([*realm.host.argv, *argv], capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == may, (name, uid, done.stderr)


OPEN = """
import fcntl, os, struct, sys
device = os.open("/dev/net/tun", os.O_RDWR)  # here, only root may
os.setgroups([])
os.setuid(int(sys.argv[2]))
fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", sys.argv[1].encode(), 0x1002))
"""


def test_killed_at_any_moment_it_converges(realm: Realm) -> None:
    """Making and removing in turn; then one apply brings it about, and one delete leaves nothing."""
    crowd(realm)
    before = realm.snapshot()
    chance = random.Random(SEED)
    for number in range(40 if IS_FULL else 8):
        killed(realm, "create" if number % 2 == 0 else "delete", chance.uniform(0.05, 0.6))
        with realm.harness() as harness:
            if number % 3 == 2:
                harness.apply("network", LAB)
                assert harness.plan("network", LAB).action == "no-op"
                assert "error" not in realm.port("attach", "web", "0")
                realm.port("detach", "web")
    with realm.harness() as harness:
        harness.apply("network", LAB)
        harness.delete("network", LAB)
    assert realm.snapshot() == before
    assert not (realm.folder / "networks" / "lab").exists()


def killed(realm: Realm, action: str, seconds: float) -> None:
    """Begin something, and kill whoever does it."""
    work = f"h.{'apply' if action == 'create' else 'delete'}('network', {LAB!r})"
    program = (
        "from aivp_network.provider import PROVIDER\nfrom aivp_sdk.testing import Harness\n"
        f"h = Harness(PROVIDER, {{'folder': {str(realm.folder)!r}}})\nprint('ready', flush=True)\n{work}"
    )
    process = realm.host.start(sys.executable, "-c", program)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_port_killed_at_any_moment_leaves_no_tap(realm: Realm, harness: Harness) -> None:
    harness.create("network", LAB)
    chance = random.Random(SEED)
    program = realm.folder / "networks/lab/port.py"
    for number in range(60 if IS_FULL else 12):
        verb = ["attach", "web", "0"] if number % 2 == 0 else ["detach", "web"]
        argv = [*realm.host.argv, "/usr/bin/python3", "-I", str(program), *verb]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.03, 0.15))
        process.kill()
        process.wait()
    first = realm.port("attach", "web", "0")
    assert realm.host.run("ip", "-br", "link").count("avt-") == 1
    assert realm.port("attach", "web", "0") == first
    realm.port("detach", "web")
    assert "avt-" not in realm.host.run("ip", "-br", "link")
