"""What the figures over SSH rest on: files that are as declared, round trips that are counted, targets as said."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bench.measure import AIVP, Sample
from bench.results import Results
from bench.ssh import crowd, peers
from bench.ssh.latency import Turns
from bench.ssh.report import section, targets
from bench.ssh.site import contents, is_written
from bench.ssh.tools import OPERATIONS, write_project

MIB = 2**20


def seen(count: int, mode: str = "644", text: str = "line {}\n") -> str:
    """What `Site.look` says of a folder."""
    stats = [f"f{i} {mode} root root {1000 + i}" for i in range(count)]
    sums = [f"{hashlib.sha256(text.format(i).encode()).hexdigest()}  ./f{i}" for i in range(count)]
    return "\n".join([*stats, *sums]) + "\n"


def test_files_count_as_written_only_as_declared() -> None:
    assert is_written(seen(3), 3)
    assert not is_written(seen(2), 3)
    assert not is_written(seen(3, mode="600"), 3)
    assert not is_written(seen(3, text="other {}\n"), 3)


def test_the_floor_compares_and_writes(tmp_path: Path) -> None:
    program = Path("bench/ssh/floor.py").read_text() + "\nmain(message)\n"
    stat = tmp_path.stat()
    told = {"program": program, "folder": str(tmp_path), "owner": stat.st_uid, "group": stat.st_gid, "mode": 0o644}
    stub = 'import json,sys;m=json.load(sys.stdin);exec(m["program"],{"message":m})'

    def run(*, write: bool) -> list[str]:
        message = json.dumps({**told, "files": dict(contents(3)), "write": write})
        argv = [sys.executable, "-I", "-S", "-c", stub]
        done = subprocess.run(argv, input=message, capture_output=True, text=True, check=True)
        found: list[str] = json.loads(done.stdout)["changed"]
        return found

    assert run(write=False) == ["f0", "f1", "f2"]
    assert not list(tmp_path.iterdir())
    assert run(write=True) == ["f0", "f1", "f2"]
    (tmp_path / "f1").chmod(0o600)
    assert run(write=True) == ["f1"]
    assert run(write=True) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f0", "f1", "f2"]


def frame(source: str, target: str, payload: bytes) -> bytes:
    """An Ethernet frame with TCP, checksums left out."""
    tcp = bytes(12) + bytes([5 << 4]) + bytes(7) + payload
    head = bytes([0x45, 0]) + (20 + len(tcp)).to_bytes(2, "big") + bytes(5) + bytes([6]) + bytes(2)
    return bytes(12) + b"\x08\x00" + head + socket.inet_aton(source) + socket.inet_aton(target) + tcp


def test_round_trips_are_questions_behind_answers() -> None:
    us, host, other = "10.77.0.1", "10.77.0.11", "10.77.0.12"
    counted = Turns(host)
    for source, target, payload in (
        (us, host, b"question"),
        (us, host, b"more of it"),
        (host, us, b""),
        (host, us, b"answer"),
        (us, host, b""),
        (other, us, b"not of this host"),
        (us, host, b"second question"),
        (host, us, b"answer"),
        (host, us, b"more of it"),
    ):
        counted.take(frame(source, target, payload))
    assert counted.count == 1


def test_the_project_is_right(tmp_path: Path) -> None:
    write_project(tmp_path, ["web1", "web2"], 3, "/srv/bench")
    done = subprocess.run([AIVP, "validate"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_addresses_and_names_of_a_crowd_are_its_own() -> None:
    assert len({crowd.address(number) for number in range(600)}) == 600
    assert len({crowd.name(number) for number in range(600)}) == 600


def test_where_peers_cannot_be_had_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = tmp_path / "peers.txt"
    pins.write_text("pyinfra==0.0.0.nowhere\n")
    monkeypatch.setattr(peers, "PINS", pins)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    found = peers.peers()
    assert found.folder is None
    assert found.reason
    assert not list((tmp_path / "cache/aivp/bench").glob("peers-*"))


def measured(ours: float = 0.5) -> Results:
    """A run of which every target holds, unless we need longer."""
    found = Results({}, "", 300)
    walls = {"floor": 0.3, "aivp": ours, "pyinfra": 15.0, "ansible, mitogen": 8.0}
    for part, size in (("ssh/1x100", 100), ("ssh/10x20", 200)):
        for tool, wall in walls.items():
            for operation in OPERATIONS:
                found.add((part, size, operation, tool), Sample(wall, wall, MIB, MIB))
    for delay in (0, 50):
        for tool, base, trips in (("floor", 0.3, 8), ("aivp", 0.5, 10)):
            found.add(("ssh/latency", delay, "plan", tool), Sample(0.1, base + trips * delay / 1000 - 0.001, MIB, MIB))
    for hosts in (1, 25, 50, 100, 200):
        for operation in ("plan", "apply", "no-op"):
            found.add(("ssh/fleet", hosts, operation, "aivp"), Sample(0.3 + hosts * 0.2, 1.0, 150 * MIB, MIB))
    found.done = ["ssh/1x100", "ssh/10x20", "ssh/latency", "ssh/fleet"]
    found.ssh = {
        "machine": {"aivp": "commit x", "Python": "3", "OpenSSH": "OpenSSH_9"},
        "began": "now",
        "load": {"ssh/1x100": [0.1, 0.2]},
        "peers": {"pyinfra": "3"},
        "without": "",
        "turns": {"floor": [10], "aivp": [13]},
    }
    return found


def test_targets_hold_or_are_missed() -> None:
    assert {item.is_met for item in targets(measured())} == {True}
    missed = [item.promise for item in targets(measured(0.9)) if item.is_met is False]
    assert len([promise for promise in missed if "floor" in promise]) == 5
    assert len([promise for promise in missed if "mitogen" in promise]) == 3
    assert {item.is_met for item in targets(Results({}, "", 300, ssh={"missing": "no root"}))} == {None}


def test_the_section_has_every_tool_that_was_measured() -> None:
    text = "\n".join(section(measured()))
    assert "| pyinfra | 1 | 15.00 [15.0] 50.0 × |" in text
    assert "| aivp | 0.50 | 1.00 | 10.0 | 13 |" in text
    assert "| 200 | no-op |" in text


def test_parts_that_were_measured_anew_take_the_place_of_the_old() -> None:
    old, new = measured(0.9), measured(0.5)
    old.add(("tree", 100, "plan", "aivp"), Sample(1.0, 1.0, MIB, MIB))
    old.done.append("tree/100")
    old.take(new)
    assert {item.is_met for item in targets(old)} == {True}
    assert old.sizes("tree") == [100]
    assert sorted(old.done) == sorted([*new.done, "tree/100"])
