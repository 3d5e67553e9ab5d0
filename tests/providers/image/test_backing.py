"""What disks lie on top of, read from real qcow2 files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from aivp_image.backing import backing_file, is_below

pytestmark = pytest.mark.skipif(not shutil.which("qemu-img"), reason="qemu-img (qemu-utils) is not installed")


def create(disk: Path, *words: str) -> Path:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *words, str(disk), "1M"], check=True)
    return disk


def test_a_linked_disk_says_where_it_lies(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.mkdir()
    base = create(image / "disk.qcow2")
    clone = create(tmp_path / "clone.qcow2", "-b", str(base), "-F", "qcow2")
    relative = create(tmp_path / "relative.qcow2", "-b", "image/disk.qcow2", "-F", "qcow2")
    assert backing_file(clone) == str(base)
    assert backing_file(relative) == str(base)
    assert backing_file(base) is None
    assert is_below(image, [base, clone])
    assert not is_below(tmp_path / "ima", [clone])


def test_anything_else_lies_on_nothing(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"QFI\xfb")
    assert backing_file(tmp_path / "raw") is None
    assert backing_file(tmp_path / "none") is None
