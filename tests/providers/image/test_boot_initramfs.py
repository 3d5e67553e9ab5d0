"""An initramfs: a cpio that the kernel reads, the same bytes each time, with modules unpacked."""

from __future__ import annotations

import gzip
import lzma
import stat
import subprocess
from pathlib import Path

from aivp_image.boot_initramfs import INIT, initramfs

MODULES = {"kernel/a/one.ko": b"one", "kernel/b/two.ko.xz": lzma.compress(b"two"), "kernel/c/three.ko.zst": b"3"}


def made() -> bytes:
    return initramfs(list(MODULES), MODULES.__getitem__, b"busybox", lambda data: b"unpacked " + data)


def members(data: bytes) -> dict[str, tuple[int, bytes]]:
    """A reader of `newc` of its own."""
    found, at = {}, 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = data[at + 110 : at + 110 + length - 1].decode()
        begin = at + (110 + length + 3) // 4 * 4
        if name == "TRAILER!!!":
            return found
        found[name] = (mode, data[begin : begin + size])
        at = begin + (size + 3) // 4 * 4


def test_modules_are_unpacked_and_loaded_in_order() -> None:
    found = members(gzip.decompress(made()))
    assert found["modules/order"][1] == b"/modules/one.ko\n/modules/two.ko\n/modules/three.ko\n"
    assert found["modules/two.ko"][1] == b"two"
    assert found["modules/three.ko"][1] == b"unpacked 3"
    assert found["init"][1] == INIT.encode()
    assert stat.S_ISDIR(found["dev"][0])
    assert stat.S_IMODE(found["init"][0]) == 0o755


def test_the_same_input_gives_the_same_bytes() -> None:
    assert made() == made()


def test_its_init_is_a_script_that_a_shell_can_read(tmp_path: Path) -> None:
    script = tmp_path / "init"
    script.write_text(INIT)
    subprocess.run(["/bin/sh", "-n", str(script)], check=True)
