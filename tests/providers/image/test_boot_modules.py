"""Which module files an initramfs loads, and in which order."""

from __future__ import annotations

import pytest
from aivp_image.boot_modules import files, read_tables
from aivp_sdk import Permanent

DEP = """\
kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/virtio/virtio_ring.ko:
kernel/drivers/virtio/virtio_pci.ko.xz: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/fs/ext4/ext4.ko: kernel/fs/mbcache.ko
kernel/fs/mbcache.ko:
kernel/lib/crc32c.ko:
"""
BUILTIN = "kernel/drivers/block/virtio_blk.ko\n"
SOFTDEP = "softdep ext4 pre: crc32c absent\n"
TABLES = read_tables(DEP, BUILTIN, SOFTDEP)


def test_each_module_comes_after_what_it_needs() -> None:
    assert files(["virtio_pci", "virtio_rng", "virtio_pci"], TABLES) == [
        "kernel/drivers/virtio/virtio_ring.ko",
        "kernel/drivers/virtio/virtio.ko",
        "kernel/drivers/virtio/virtio_pci.ko.xz",
        "kernel/drivers/char/hw_random/virtio-rng.ko",
    ]


def test_what_is_built_in_needs_no_file() -> None:
    assert files(["virtio_blk"], TABLES) == []


def test_soft_dependencies_come_first_where_they_are_there() -> None:
    assert files(["ext4"], TABLES) == ["kernel/lib/crc32c.ko", "kernel/fs/mbcache.ko", "kernel/fs/ext4/ext4.ko"]


def test_a_missing_module_is_told_with_the_kernel() -> None:
    with pytest.raises(Permanent, match=r"the kernel 6\.1 has no module 9p, virtiofs") as told:
        files(["virtiofs", "ext4", "9p"], TABLES, version="6.1")
    assert told.value.path == "/modules"
    assert told.value.mend is not None
    assert "debian.kernel" in told.value.mend
