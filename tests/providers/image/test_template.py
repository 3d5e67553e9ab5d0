"""Templates of VMs: what is on their disk, flattened and nobody's own; never of one that runs."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aivp_image.provider import PROVIDER
from aivp_sdk.testing import Failed, Harness

MIB = 1024 * 1024


def run(*argv: str | Path) -> str:
    return subprocess.run([str(part) for part in argv], check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    with Harness(PROVIDER, {"folder": str(tmp_path / "images")}) as found:
        yield found


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """An image as the store has them: a file system with a kernel beside it."""
    folder = tmp_path / "base"
    root = tmp_path / "root"
    for name in ("etc/ssh", "var/lib/systemd", "home"):
        (root / name).mkdir(parents=True)
    (root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    (root / "etc/hostname").write_text("old\n")
    folder.mkdir()
    run("mke2fs", "-q", "-t", "ext4", "-d", root, folder / "disk.raw", "32M")
    (folder / "vmlinuz").write_bytes(b"kernel")
    (folder / "initrd").write_bytes(b"initrd")
    files = {"disk": "disk.raw", "kernel": "vmlinuz", "initrd": "initrd"}
    record: dict[str, Any] = {
        part: {"file": name, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}
        for part, name in files.items()
    }
    record["disk"].update(format="raw", size=32 * MIB)
    about = {"version": 1, "digest": "sha256:" + "1" * 64, "architecture": platform.machine()}
    about |= {"cmdline": "root=/dev/vda rw", "firmware": False, "helper": True, "cloud_init": False}
    (folder / "image.json").write_text(json.dumps({**record, **about, "about": {"kernel": "6.1"}}))
    return folder


@pytest.fixture
def machine(base: Path, tmp_path: Path) -> Path:
    """The folder of a stopped VM that has written on its disk."""
    folder = tmp_path / "vms" / "web"
    (folder / "disks").mkdir(parents=True)
    (folder / "state.json").write_text('{"version": 1, "status": "stopped"}')
    grown = tmp_path / "grown.raw"
    shutil.copy(base / "disk.raw", grown)
    (tmp_path / "key").write_text("PRIVATE KEY\n")
    (tmp_path / "note").write_text("what the VM has learned\n")
    writes = "\n".join(
        [
            *(f"write {tmp_path / 'key'} /etc/ssh/ssh_host_{kind}_key" for kind in ("rsa", "ed25519")),
            f"write {tmp_path / 'key'} /var/lib/systemd/random-seed",
            f"write {tmp_path / 'note'} /home/note",
        ]
    )
    (tmp_path / "script").write_text(writes + "\n")
    run("debugfs", "-w", "-f", tmp_path / "script", grown)
    disk = folder / "disks" / "root.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-b", base / "disk.raw", "-F", "raw", disk)
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-B", base / "disk.raw", "-F", "raw", grown, disk)
    return folder


def declared(place: Path, **more: Any) -> dict[str, Any]:
    return {"name": "golden", "vm": {"path": str(place)}, **more}


def seen(disk: Path, command: str) -> str:
    return run("debugfs", "-R", command, disk)


def left_in(place: Path) -> list[str]:
    store = place / "images" / "store"
    found = [path for path in store.rglob("*") if path.is_file() or path.parent.name in ("store", ".drafts")]
    return [str(path.relative_to(store)) for path in found if ".locks" not in path.parts and path.name[0] != "."]


def test_a_stopped_vm(harness: Harness, machine: Path, tmp_path: Path) -> None:
    made = harness.create("image", declared(machine))
    folder = Path(made.outputs["path"])
    record = json.loads((folder / "image.json").read_text())
    about = json.loads(run("qemu-img", "info", "--output=json", folder / "disk.qcow2"))
    assert "backing-filename" not in about
    assert about["format-specific"]["data"]["compression-type"] == "zstd"
    assert (record["helper"], record["cmdline"], record["about"]["kernel"]) == (True, "root=/dev/vda rw", "6.1")
    assert sorted(path.name for path in folder.iterdir()) == ["disk.qcow2", "image.json", "initrd", "users", "vmlinuz"]
    run("qemu-img", "convert", "-O", "raw", folder / "disk.qcow2", tmp_path / "out.raw")
    run("e2fsck", "-f", "-n", tmp_path / "out.raw")
    assert "what the VM has learned" in seen(tmp_path / "out.raw", "cat /home/note")
    assert "Size: 0" in seen(tmp_path / "out.raw", "stat /etc/machine-id")
    assert "ssh_host" not in seen(tmp_path / "out.raw", "ls /etc/ssh")
    assert b"PRIVATE KEY" not in seen(tmp_path / "out.raw", "ls -l /var/lib/systemd").encode()
    assert harness.plan("image", declared(machine)).action == "no-op"


def test_it_is_taken_once(harness: Harness, machine: Path, tmp_path: Path) -> None:
    """What the VM writes later is not in it, and makes no change."""
    path = harness.create("image", declared(machine)).outputs["path"]
    run("qemu-io", "-c", "write -P 7 30M 4k", machine / "disks" / "root.qcow2")
    assert harness.plan("image", declared(machine)).action == "no-op"
    again = harness.create("image", {**declared(machine), "name": "newer"})
    assert again.outputs["path"] != path


@pytest.mark.parametrize("status", ["running", "starting", "stopping"])
def test_one_that_says_it_runs(harness: Harness, machine: Path, tmp_path: Path, status: str) -> None:
    (machine / "state.json").write_text(json.dumps({"status": status}))
    with pytest.raises(Failed, match=f"the VM web is {status}") as caught:
        harness.create("image", declared(machine))
    assert "aivp vm stop" in str(caught.value.error["mend"])
    assert left_in(tmp_path) == []


@pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="QEMU is not installed")
def test_one_that_runs_without_saying_so(harness: Harness, machine: Path, tmp_path: Path) -> None:
    """QEMU's own lock on the disk is what counts."""
    disk = machine / "disks" / "root.qcow2"
    argv = ["qemu-system-x86_64", "-S", "-nodefaults", "-display", "none", "-machine", "none", "-monitor", "none"]
    child = subprocess.Popen([*argv, "-blockdev", f"driver=qcow2,node-name=a,file.driver=file,file.filename={disk}"])
    try:
        deadline = time.monotonic() + 20
        while not _is_locked(disk) and time.monotonic() < deadline:
            time.sleep(0.1)
        with pytest.raises(Failed, match="reading the disk of the VM failed"):
            harness.create("image", declared(machine))
        (machine / "state.json").write_text('{"status": "paused"}')
        assert harness.create("image", declared(machine)).action == "create"
    finally:
        child.kill()
        child.wait()


def _is_locked(disk: Path) -> bool:
    return subprocess.run(["qemu-img", "info", "-f", "qcow2", disk], capture_output=True, check=False).returncode != 0


def test_a_base_that_was_tampered_with(harness: Harness, machine: Path, base: Path, tmp_path: Path) -> None:
    with (base / "disk.raw").open("r+b") as file:
        file.seek(20 * MIB)
        file.write(b"evil")
    with pytest.raises(Failed, match="the image beneath the disk is damaged"):
        harness.create("image", declared(machine))
    assert left_in(tmp_path) == []


def test_a_disk_alone(harness: Harness, tmp_path: Path) -> None:
    """With partitions, as it looks: it boots by itself, and keeps what it has."""
    disk = tmp_path / "a.img"
    disk.write_bytes(bytes(510) + b"\x55\xaa" + bytes(8 * MIB - 512))
    made = harness.create("image", {**declared(disk), "disk": {"size": "64MiB", "format": "raw"}})
    record = json.loads(Path(made.outputs["path"], "image.json").read_text())
    assert (record["firmware"], record["disk"]["size"], record["kernel"]) == (True, 64 * MIB, None)
    assert any("has partitions" in str(note.get("message")) for note in harness.notes)


def test_no_disk(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "vm").mkdir()
    with pytest.raises(Failed, match="is no disk of a VM"):
        harness.create("image", declared(tmp_path / "vm"))


def test_a_snapshot(harness: Harness, machine: Path, tmp_path: Path) -> None:
    disk = machine / "disks" / "root.qcow2"
    run("qemu-img", "snapshot", "-c", "before", disk)
    (tmp_path / "later").write_text("later\n")
    run("qemu-io", "-c", "write -P 7 30M 4k", disk)
    wanted = {"name": "golden", "vm": {"path": str(machine), "snapshot": "before"}}
    made = harness.create("image", wanted)
    raw = tmp_path / "out.raw"
    run("qemu-img", "convert", "-O", "raw", Path(made.outputs["path"], "disk.qcow2"), raw)
    assert raw.read_bytes()[30 * MIB : 30 * MIB + 4096] != b"\x07" * 4096
    with pytest.raises(Failed, match="reading the disk of the VM failed"):
        harness.create("image", {"name": "b", "vm": {"path": str(machine), "snapshot": "none"}})
