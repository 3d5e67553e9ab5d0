"""Snapshots of real guests: what was written since is gone after a restore, what ran goes on, and nothing is half."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

from aivp_guest.client import Guest
from aivp_vm.machine import client, places, snapshots

from tests.providers.vm.conftest import Herd, until


def ctl(herd: Herd, *words: str) -> dict[str, Any]:
    """What people's programs are answered."""
    program = herd.folder(words[1]) / places.PROGRAM / "ctl.py"
    argv = [sys.executable, "-I", str(program), str(herd.directory / "vms"), *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    found: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 0) == (list(found) != ["error"])
    return found


def shell(herd: Herd, name: str, line: str) -> str:
    with Guest(herd.folder(name) / places.GUEST) as guest:
        guest.wait(60)
        return guest.run(["sh", "-c", line], seconds=30).stdout.decode().strip()


def test_memory_and_disks_come_back_together(herd: Herd) -> None:
    herd.clone("kept")
    shell(herd, "kept", "echo first >/root/word; echo first >/proc/sys/kernel/domainname")
    kept = ctl(herd, "snapshot", "kept", "first", "--memory")
    assert (kept["snapshot"], kept["memory"], kept["status"]) == ("first", True, "running")
    (listed,) = ctl(herd, "snapshots", "kept")["snapshots"]
    assert (listed["name"], listed["memory"]) == ("first", True)
    assert listed["size"] > 1 << 20

    shell(herd, "kept", "echo second >/root/word; echo second >/proc/sys/kernel/domainname; sync")
    assert "already" in ctl(herd, "snapshot", "kept", "first", "--memory")["error"]
    back = ctl(herd, "restore", "kept", "first")
    assert back["status"] == "running"
    assert "plan shows it" in back["warning"]
    assert shell(herd, "kept", "cat /root/word /proc/sys/kernel/domainname") == "first\nfirst"
    clock = float(shell(herd, "kept", "date +%s.%N"))
    host = float(subprocess.run(["date", "+%s.%N"], capture_output=True, check=True).stdout)
    assert abs(clock - host) < 30  # the guest was told what time it is by now

    ctl(herd, "delete-snapshot", "kept", "first")
    assert ctl(herd, "snapshots", "kept") == {"snapshots": []}
    assert "there is no snapshot first" in ctl(herd, "restore", "kept", "first")["error"]


def test_disks_of_a_running_guest_are_consistent(herd: Herd) -> None:
    herd.clone("disk")
    shell(herd, "disk", "echo first >/root/word")  # nobody waits for it to reach the disk
    assert ctl(herd, "snapshot", "disk", "first")["is_consistent"] is True
    assert shell(herd, "disk", "echo second >/root/word; sync; cat /root/word") == "second"  # it goes on
    client.ask(herd.folder("disk"), "stop", force=True)
    ctl(herd, "restore", "disk", "first")
    assert herd.seen("disk").status == "stopped"
    assert _content(herd, "disk", "/root/word") == "first"
    assert ctl(herd, "snapshot", "disk", "still")["status"] == "stopped"
    assert [one["name"] for one in ctl(herd, "snapshots", "disk")["snapshots"]] == ["first", "still"]
    assert "no memory" in ctl(herd, "snapshot", "disk", "other", "--memory")["error"]


def test_what_was_broken_off_is_finished_or_cleared(herd: Herd) -> None:
    herd.clone("cut")
    folder = herd.folder("cut")
    shell(herd, "cut", "echo first >/proc/sys/kernel/domainname")
    ctl(herd, "snapshot", "cut", "first", "--memory")
    shell(herd, "cut", "echo second >/proc/sys/kernel/domainname")

    # Killed between the intent and its fulfilment: whoever starts it finishes that.
    (folder / snapshots.INTENT).write_text('{"version": 1, "name": "first"}')
    seen = herd.seen("cut")
    assert seen.pid is not None
    assert seen.supervisor is not None
    os.kill(seen.supervisor, signal.SIGKILL)
    until(lambda: herd.seen("cut").supervisor is None, "the end of the supervisor")
    ctl(herd, "start", "cut", "--wait", "60")
    assert shell(herd, "cut", "cat /proc/sys/kernel/domainname") == "first"
    assert herd.seen("cut").pid != seen.pid
    assert not (folder / snapshots.INTENT).exists()

    # Killed between the first word of a snapshot and the last: nobody sees it, and the next one clears it.
    form = json.loads((folder / snapshots.LIST).read_text())
    form["snapshots"].append({**form["snapshots"][0], "name": "half", "is_whole": False})
    (folder / snapshots.LIST).write_text(json.dumps(form))
    assert [one["name"] for one in ctl(herd, "snapshots", "cut")["snapshots"]] == ["first"]
    ctl(herd, "snapshot", "cut", "half")
    assert [one["name"] for one in ctl(herd, "snapshots", "cut")["snapshots"]] == ["first", "half"]


def test_templates_stay_as_they_are(herd: Herd) -> None:
    assert "it is a template" in ctl(herd, "snapshot", "golden", "any")["error"]
    assert "it is a template" in ctl(herd, "start", "golden")["error"]
    assert ctl(herd, "status", "golden")["status"] == "template"
    assert herd.harness.plan("vm", herd.golden).action == "no-op"


def _content(herd: Herd, name: str, path: str) -> str:
    """What a file on the first disk of a VM that does not run has."""
    disk = herd.folder(name) / places.DISKS / "root.qcow2"
    raw = herd.directory / f"{name}.raw"
    subprocess.run(["qemu-img", "convert", "-U", "-O", "raw", str(disk), str(raw)], check=True)
    try:
        found = subprocess.run(["debugfs", "-R", f"cat {path}", str(raw)], capture_output=True, check=False)
        return found.stdout.decode().strip()
    finally:
        raw.unlink()
