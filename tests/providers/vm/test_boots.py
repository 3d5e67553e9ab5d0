"""Ways to boot: with a seed, by firmware, and again and again on a host that is busy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aivp_sdk.testing import Failed
from aivp_vm.firmware import KNOWN
from aivp_vm.machine import client

from tests.providers.vm.conftest import Vms, until


def describe(image: Path, **members: Any) -> None:
    """Say something else of an image."""
    record = image / "image.json"
    form = json.loads(record.read_text())
    record.unlink()  # a link to the one that all tests share
    record.write_text(json.dumps({**form, **members}))


@contextmanager
def busy(cores: int) -> Iterator[None]:
    """That many processes which do nothing but work."""
    with ExitStack() as stack:
        for _ in range(cores):
            worker = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(worker.kill)
        yield


def test_seed_is_in_the_guest(vms: Vms) -> None:
    describe(vms.image, cloud_init=True)
    config = vms.create(cloud_init={"run": ["touch /was-here"]}, networks=[{"mac": "52:54:00:00:00:07"}])
    vms.booted()
    with client.connected(vms.folder(), 30) as link:
        client.call(link, "console")
        link.sendall(b"mkdir /m; mount -t iso9660 /dev/vda /m; cat /m/*; echo 'EN''D'\n")
        until(lambda: "END" in vms.console(), "the seed on the console")
    said = vms.console()
    assert '"touch /was-here"' in said
    assert '"macaddress": "52:54:00:00:00:07"' in said
    config["cloud_init"] = {"run": ["true"]}
    assert vms.harness.plan("vm", config).action == "replace"  # it is heard at the first boot only


@pytest.mark.skipif(not any(Path(code).exists() for code, _ in KNOWN), reason="there is no UEFI here (Debian: ovmf)")
@pytest.mark.slow
def test_firmware_boots_the_disk(vms: Vms) -> None:
    disk = vms.image / "disk"
    disk.touch()
    os.truncate(disk, 1 << 20)
    empty = "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58"
    described = {"file": "disk", "format": "raw", "size": 1 << 20, "sha256": empty}
    describe(vms.image, kernel=None, initrd=None, disk=described, firmware=True)
    vms.create()
    until(lambda: "BdsDxe" in vms.console(), "the firmware, which finds nothing on that disk")
    assert (vms.folder() / "firmware-vars.fd").stat().st_size > 0


def test_image_without_any_way_to_boot(vms: Vms) -> None:
    describe(vms.image, kernel=None, initrd=None)
    with pytest.raises(Failed, match="the image has no disk that boots by itself"):
        vms.create()


@pytest.mark.slow
def test_three_boots_of_three_while_all_cores_are_busy(vms: Vms) -> None:
    with busy(os.cpu_count() or 2):
        for _ in range(3):
            config = vms.create()
            vms.booted()
            vms.harness.delete("vm", config)
