"""A real image of bookworm: what is in it, that it boots to the guest helper, and that it comes out the same again."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from aivp_image.provider import PROVIDER
from aivp_sdk.testing import Failed, Harness

from tests.lab.images import declaration, image, image_missing
from tests.lab.places import places

PLACES = places(os.environ)
_REASON = image_missing(PLACES, os.environ)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(_REASON is not None, reason=str(_REASON))]
LISTS = Path("/var/lib/apt/lists")


@pytest.fixture(scope="module")
def folder() -> Path:
    return image(PLACES, os.environ)


@pytest.fixture(scope="module")
def raw(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its disk, for debugfs."""
    found = tmp_path_factory.mktemp("disk") / "disk.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(folder / "disk.qcow2"), str(found)], check=True)
    return found


def debugfs(raw: Path, order: str) -> str:
    return subprocess.run(["debugfs", "-R", order, str(raw)], capture_output=True, text=True, check=True).stdout


def test_its_file_system_is_sound(raw: Path) -> None:
    done = subprocess.run(["e2fsck", "-f", "-n", str(raw)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_nothing_in_it_is_of_anybody(raw: Path) -> None:
    assert debugfs(raw, "cat /etc/machine-id") == ""
    assert "ssh_host_" not in debugfs(raw, "ls /etc/ssh")
    assert "dpkg.log" not in debugfs(raw, "ls /var/log")
    assert debugfs(raw, "cat /etc/hostname") == "localhost\n"
    assert "mmdebstrap" not in debugfs(raw, "ls /etc/apt/apt.conf.d")
    assert "initrd" not in debugfs(raw, "ls /boot")
    assert ".aivp" not in debugfs(raw, "ls /")
    for name in ("dev", "proc", "run", "sys", "tmp"):
        assert "Type: directory" in debugfs(raw, f"stat /{name}")


def test_it_boots_to_the_guest_helper(folder: Path, tmp_path: Path) -> None:
    record = json.loads((folder / "image.json").read_text())
    overlay, console = tmp_path / "overlay.qcow2", tmp_path / "console.log"
    backing = ["-b", str(folder / record["disk"]["file"]), "-F", record["disk"]["format"]]
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, str(overlay)], check=True)
    argv = [
        *("qemu-system-x86_64", "-machine", "pc", "-accel", "tcg", "-m", "512"),
        *("-nodefaults", "-no-user-config", "-display", "none", "-serial", f"file:{console}"),
        *("-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "initrd.img"), "-append", record["cmdline"]),
        *("-drive", f"file={overlay},if=virtio,format=qcow2", "-device", "virtio-serial-pci"),
        *("-chardev", "socket,id=port,path=port.sock,server=on,wait=off"),
        *("-device", "virtserialport,chardev=port,name=org.aivp.guest.0"),
    ]
    with subprocess.Popen(argv, cwd=tmp_path) as machine:
        try:
            assert answer(tmp_path, machine), console.read_text(errors="replace")[-2000:]
            assert "aivp-initramfs" not in console.read_text(errors="replace")
        finally:
            machine.kill()


def answer(folder: Path, machine: subprocess.Popen[bytes]) -> bool:
    """Whether the guest helper said anything within seven minutes."""
    end = time.monotonic() + 420
    here = os.getcwd()
    with socket.socket(socket.AF_UNIX) as port:
        os.chdir(folder)  # a path of a socket has 107 bytes at most
        try:
            while not Path("port.sock").exists() and machine.poll() is None:
                time.sleep(0.1)
            port.connect("port.sock")
        finally:
            os.chdir(here)
        port.settimeout(1)
        while time.monotonic() < end and machine.poll() is None:
            try:
                if port.recv(4096).strip(b"\0"):
                    return True
            except TimeoutError:
                continue
    return False


def test_the_same_again_is_the_same_bytes_and_the_host_is_left_alone(folder: Path, tmp_path: Path) -> None:
    record = json.loads((folder / "image.json").read_text())
    there = sorted(os.listdir(LISTS)), LISTS.stat().st_mtime_ns
    shutil.copytree(PLACES.cache / "images/cache", tmp_path / "cache")
    found = built(tmp_path, declaration(os.environ))
    if found["digest"] != record["digest"]:  # the mirror has moved on since the lab's image was made
        shutil.rmtree(tmp_path / "store")
        shutil.rmtree(tmp_path / "names")
        record, found = found, built(tmp_path, declaration(os.environ))
    assert found["digest"] == record["digest"]
    assert [found[part]["sha256"] for part in ("disk", "kernel", "initrd")] == [
        record[part]["sha256"] for part in ("disk", "kernel", "initrd")
    ]
    assert (sorted(os.listdir(LISTS)), LISTS.stat().st_mtime_ns) == there


def built(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    with Harness(PROVIDER, {"folder": str(folder)}) as harness:
        outputs = harness.create("image", config).outputs
    found: dict[str, Any] = json.loads((Path(str(outputs["path"])) / "image.json").read_text())
    return found


@pytest.mark.parametrize(
    ("fields", "words", "path"),
    [
        ({"modules": ["virtio_nothing"]}, "has no module virtio_nothing", "/modules"),
        ({"debian": {"hooks": [{"shell": "exit 3"}]}}, "hook 0 ended with exit code 3", None),
        ({"disk": {"size": 64 * 1024**2}}, "does not fit its disk", "/disk/size"),
    ],
)
def test_what_cannot_be_built_leaves_nothing(
    fields: dict[str, Any], words: str, path: str | None, tmp_path: Path
) -> None:
    shutil.copytree(PLACES.cache / "images/cache", tmp_path / "cache")
    with Harness(PROVIDER, {"folder": str(tmp_path)}) as harness, pytest.raises(Failed, match=words) as told:
        harness.create("image", declaration(os.environ, **fields))
    assert told.value.error.get("path") == path
    assert os.listdir(tmp_path / "store" / ".drafts") == []
    assert not list((tmp_path / "store").glob("[0-9a-f]*"))
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
