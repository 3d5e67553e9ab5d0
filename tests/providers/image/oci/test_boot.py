"""Guests of OCI layers really boot: from a disk, and whole in memory; the modules of the kernel's image are loaded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from aivp_image.oci_ramdisk import contents
from aivp_image.provider import PROVIDER
from aivp_sdk.testing import Harness

from tests.lab.images import image as lab_image
from tests.lab.images import image_missing
from tests.lab.places import places
from tests.providers.image.oci.layouts import entry, folder, hard, image, layer

MISSING = image_missing(places(os.environ), os.environ)
HELLO = b"""#!/bin/busybox sh
busybox mount -t proc proc /proc 2>/dev/null
busybox mount -t sysfs sys /sys 2>/dev/null
echo hello from $(busybox id -u) with $(busybox ls /sys/class/virtio-ports) > /dev/console
busybox poweroff -f
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(MISSING is not None, reason=f"no image with a kernel: {MISSING}"),
    pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="QEMU is not installed"),
]


@pytest.mark.parametrize("root", ["disk", "initramfs"])
def test_a_guest_boots(tmp_path: Path, root: str) -> None:
    base = lab_image(places(os.environ), os.environ)
    initrd = json.loads((base / "image.json").read_text())["initrd"]["file"]
    busybox = dict(contents(base / initrd))["bin/busybox"]
    layers = [
        layer(*(folder(name) for name in ("dev", "proc", "sys")), entry("bin/busybox", busybox, mode=0o755)),
        layer(hard("bin/sh", "bin/busybox"), entry("hello", HELLO, mode=0o755)),
    ]
    oci = {"path": str(image(tmp_path / "l", layers)), "kernel": str(base), "init": "/hello", "helper": False}
    disk = {"disk": {"size": "64MiB"}} if root == "disk" else {}
    with Harness(PROVIDER, {"folder": str(tmp_path / "images")}) as harness:
        made = Path(str(harness.create("image", {"name": root, "oci": {**oci, "root": root}, **disk}).outputs["path"]))
    assert "hello from 0 with vport" in boot(made, tmp_path)


def boot(made: Path, place: Path) -> str:
    """What a guest of an image says on its console until it powers off."""
    record = json.loads((made / "image.json").read_text())
    argv = ["qemu-system-x86_64", "-machine", "pc", "-accel", "tcg", "-m", "512", "-display", "none", "-nodefaults"]
    argv += ["-serial", "stdio", "-no-reboot", "-kernel", str(made / record["kernel"]["file"])]
    argv += ["-initrd", str(made / record["initrd"]["file"]), "-append", record["cmdline"]]
    argv += ["-device", "virtio-serial-pci", "-chardev", "null,id=g", "-device", "virtserialport,chardev=g,name=a"]
    if record["disk"] is not None:
        overlay = place / "overlay.qcow2"
        backing = ["-b", str(made / record["disk"]["file"]), "-F", record["disk"]["format"]]
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, str(overlay)], check=True)
        argv += ["-drive", f"file={overlay},if=virtio,format=qcow2"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=240, check=True)
    return done.stdout.decode(errors="replace")
