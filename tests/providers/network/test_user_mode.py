"""Mode user, without any privilege: leases under concurrency, wires between guests, and what it cannot do."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aivp_sdk.testing import Failed, Harness

from tests.providers.network.nobody import Nobody
from tests.providers.network.realm import eventually

LAB: dict[str, Any] = {"name": "lab", "cidr": "10.77.0.0/24", "cidr6": "auto", "mode": "user"}
EVERYBODY = b"\xff" * 6


@pytest.fixture
def harness(nobody: Nobody) -> Iterator[Harness]:
    with nobody.harness() as made:
        yield made


class Wire:
    """The guest's end of a wire, as QEMU opens it."""

    def __init__(self, lease: dict[str, Any]) -> None:
        self.mac = bytes.fromhex(lease["mac"].replace(":", ""))
        options = dict(word.split("=", 1) for word in lease["netdev"][0].split(",")[1:])
        self.remote = options["remote.path"]
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        Path(options["local.path"]).unlink(missing_ok=True)
        self.socket.bind(options["local.path"])
        self.socket.settimeout(2)
        os.chmod(options["local.path"], 0o777)  # ours is root's, the hub nobody's

    def send(self, to: bytes, text: bytes) -> None:
        self.socket.sendto(to + self.mac + b"\x08\x00" + text, self.remote)

    def hear(self, seconds: float = 2) -> bytes | None:
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(2000)[14:]
        except TimeoutError:
            return None


def test_fifty_at_once_have_fifty_leases(nobody: Nobody, harness: Harness) -> None:
    harness.create("network", LAB)
    started = [nobody.start("attach", f"vm-{number}", "0") for number in range(50)]
    found = [json.loads(process.communicate(timeout=120)[0]) for process in started]
    for name in ("address", "address6", "mac"):
        assert len({lease[name] for lease in found}) == 50, name
    assert len(nobody.port("leases")["leases"]) == 50
    first = found[7]
    assert nobody.port("attach", "vm-7", "0") == first, "the same again"
    for process in [nobody.start("detach", f"vm-{number}") for number in range(50)]:
        assert json.loads(process.communicate(timeout=120)[0]) == {"detached": 1}
    assert nobody.port("leases")["leases"] == []
    assert nobody.port("attach", "vm-7", "0")["mac"] == first["mac"], "from the owner's name"
    nobody.port("detach", "vm-7")


def test_frames_go_from_guest_to_guest(nobody: Nobody, harness: Harness) -> None:
    harness.create("network", LAB)
    a, b, c = (Wire(nobody.port("attach", name, "0")) for name in "abc")
    time.sleep(1.1)  # the hub lists its wires once a second
    a.send(EVERYBODY, b"who has b?")
    assert (b.hear(), c.hear()) == (b"who has b?", b"who has b?")
    assert a.hear(0.1) is None, "nothing comes back"
    b.send(a.mac, b"I have")
    assert a.hear() == b"I have"
    assert c.hear(0.1) is None, "c need not hear it"
    pid = int((nobody.network() / "wires/hub.lock").read_text())
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: harness.plan("network", LAB).action == "update"), "a dead hub is drift"
    harness.update("network", LAB)
    b.send(a.mac, b"again")
    assert a.hear() == b"again", "no guest needs to notice"
    assert nobody.network().stat().st_mode & 0o777 == 0o700, "nobody else can enter"
    with pytest.raises(Failed, match="is plugged into network lab"):
        harness.delete("network", LAB)
    for wire in (a, b, c):
        wire.socket.close()
    harness.delete("network", LAB)
    assert not nobody.network().exists()


def test_forwards_are_qemus(nobody: Nobody, harness: Harness) -> None:
    harness.create("network", LAB)
    nobody.port("attach", "web", "0")
    nobody.port("attach", "db", "0")
    wanted = json.dumps([{"listen": "127.0.0.1:18080", "port": 80}, {"listen": "18081", "port": 53, "protocol": "udp"}])
    found = nobody.port("forward", "web", "0", wanted)
    assert found["hostfwd"] == ["tcp:127.0.0.1:18080-10.0.2.15:80", "udp::18081-10.0.2.15:53"]
    taken = nobody.port("forward", "db", "0", '[{"listen": "18080", "port": 80}]')
    assert "web of network lab has it" in taken["error"]["message"]
    with socket.create_server(("127.0.0.1", 18082)):
        taken = nobody.port("forward", "db", "0", '[{"listen": "18082", "port": 80}]')
    assert taken["error"]["message"].startswith("18082/tcp of the host is taken: ")
    refused = nobody.port("forward", "db", "0", '[{"listen": "[::1]:18083", "port": 80}]')
    assert "IPv6" in refused["error"]["message"]
    refused = nobody.port("forward", "db", "0", '[{"listen": "80", "port": 80}]')
    assert refused["error"]["message"] == "only root may listen at 80/tcp"
    wrong = ('{"listen": "x", "port": 80}', '{"listen": "80:80", "port": 80}', '{"port": 0}', "1")
    for bad in ("{}", "no", *(f"[{forward}]" for forward in wrong)):
        assert nobody.port("forward", "db", "0", bad)["error"]["message"], bad
    assert "has no lease" in nobody.port("forward", "nobody", "0", "[]")["error"]["message"]


def test_no_way_out_is_qemus_restriction(nobody: Nobody, harness: Harness) -> None:
    harness.create("network", {**LAB, "egress": {"default": "deny"}})
    assert nobody.port("attach", "web", "0")["user"]["netdev"].endswith(",restrict=on")
    with pytest.raises(Failed, match="cannot tell one destination from another") as failed:
        harness.plan("network", {**LAB, "egress": {"default": "deny", "allow": [{"ports": [443]}]}})
    assert failed.value.error["path"] == "/egress/allow"


def test_whoever_may_not_is_told(nobody: Nobody, harness: Harness) -> None:
    with pytest.raises(Failed, match="mode nat needs root") as failed:
        harness.create("network", {**LAB, "mode": "nat"})
    assert failed.value.error["path"] == "/mode"
    assert not nobody.network().exists(), "nothing half-made remains"


def test_uplinks_do_not_overlap(nobody: Nobody, harness: Harness) -> None:
    harness.create("network", {**LAB, "cidr": "10.0.0.0/16"})
    assert "net=172.31.254.0/24" in nobody.port("attach", "web", "0")["user"]["netdev"]
    assert "10.0.0.1" in json.dumps(nobody.port("attach", "web", "0", "--address", "10.0.0.1"))


def test_long_paths_get_short_sockets(nobody: Nobody) -> None:
    long = nobody.folder / "place" / ("x" * 90)
    long.mkdir()
    long.chmod(0o777)
    with Harness(nobody.harness().provider, {"folder": str(long)}) as harness:
        made = harness.create("network", LAB)
        harness.delete("network", LAB)
    assert made.outputs["path"].startswith(str(long))


def test_a_damaged_record_is_told_and_nothing_is_lost(nobody: Nobody, harness: Harness) -> None:
    harness.create("network", LAB)
    nobody.port("attach", "web", "0")
    for name in ("leases.json", "network.json"):
        path = nobody.network() / name
        sound = path.read_text()
        for broken in ("{", "[]", '{"spec": {}, "leases": [{}]}'):
            path.write_text(broken)
            told = nobody.port("attach", "web", "0")["error"]
            assert "damaged" in told["message"], (name, broken)
            assert told["mend"]
        with pytest.raises(Failed, match="damaged"):
            harness.plan("network", LAB)
        path.write_text(sound)
    assert harness.plan("network", LAB).action == "no-op"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    program = Path(__file__).with_name("full_disk.py")
    script = f'mount -t tmpfs -o size=256k none "$1" && exec {sys.executable} {program} "$@"'
    argv = ["unshare", "--mount", "--net", "sh", "-c", script, "sh", str(tmp_path), json.dumps(LAB)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    refused, attached, kept, left = done.stdout.splitlines()
    assert "No space left on device | Make room on the disk" in refused
    assert "No space left on device" in attached
    assert kept.startswith("True")
    assert ".new" not in kept
    assert left == "[]"
