"""Layers that umoci and skopeo wrote, unpacked by us and by umoci: the same, file by file."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.providers.image.oci.trees import of_folder, of_tree, tree_of

pytestmark = [
    pytest.mark.skipif(shutil.which("umoci") is None, reason="umoci is not installed"),
    pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of other owners"),
]


def run(*argv: str | Path) -> None:
    subprocess.run([str(part) for part in argv], check=True, capture_output=True, timeout=120)


def first(root: Path) -> None:
    """What an image begins with."""
    for name in ("usr/bin", "usr/lib/deep/er", "etc", "var/cache/x", "tmp", "opaque/inner"):
        (root / name).mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "etc/mtab").symlink_to("/proc/self/mounts")
    (root / "usr/bin/su").write_bytes(os.urandom(70_000))
    (root / "usr/bin/su").chmod(0o4755)
    (root / "usr/bin/perl").write_bytes(b"#!perl" * 1000)
    (root / "usr/bin/perl5").hardlink_to(root / "usr/bin/perl")
    (root / "usr/lib/deep/er/perl").hardlink_to(root / "usr/bin/perl")
    (root / "etc/shadow").write_text("root:*\n")
    os.chown(root / "etc/shadow", 0, 42)
    (root / "etc/shadow").chmod(0o640)
    os.setxattr(root / "usr/bin/perl", "security.capability", b"\x01\x00\x00\x02\x00\x20\x00\x00" + bytes(12))
    os.setxattr(root / "etc/shadow", "user.note", b"\0\xffnote")
    (root / "empty").touch()
    with open(os.fsencode(root) + b"/caf\xe9 \n x", "wb") as file:
        file.write(b"bytes")
    (root / ("n" * 200)).write_text("long name")
    (root / "tmp").chmod(0o1777)
    os.mkfifo(root / "var/cache/x/pipe", 0o600)
    for name in ("opaque/a", "opaque/inner/b", "var/cache/gone", "var/cache/x/stays"):
        (root / name).write_text(name)
    os.utime(root / "etc", (1_000_000_000, 1_000_000_000))


def second(root: Path) -> None:
    """What a later layer changes."""
    shutil.rmtree(root / "opaque")
    (root / "opaque").mkdir()
    (root / "opaque/new").write_text("new")
    (root / "var/cache/gone").unlink()
    (root / "usr/bin/su").chmod(0o755)
    (root / "usr/bin/perl").unlink()
    (root / "usr/bin/ruby").hardlink_to(root / "usr/bin/perl5")
    (root / "empty").unlink()
    (root / "empty").mkdir()
    (root / "empty/file").write_text("no more")
    (root / "etc/mtab").unlink()
    (root / "etc/mtab").write_text("a file now")
    (root / "lib/added").write_text("through the link")


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("umoci")
    made = place / "layout"
    run("umoci", "init", "--layout", made)
    run("umoci", "new", "--image", f"{made}:latest")
    for number, change in enumerate((first, second)):
        run("umoci", "unpack", "--image", f"{made}:latest", place / f"bundle{number}")
        change(place / f"bundle{number}" / "rootfs")
        run("umoci", "repack", "--image", f"{made}:latest", place / f"bundle{number}")
    run("umoci", "gc", "--layout", made)
    return made


def compare(layout: Path, place: Path) -> None:
    run("umoci", "unpack", "--image", f"{layout}:latest", place / "theirs")
    ours = of_tree(tree_of(layout, place / "pool"), place / "pool")
    theirs = of_folder(place / "theirs" / "rootfs")
    assert len(ours) > 25
    assert list(ours) == list(theirs)
    for name in ours:
        assert ours[name] == theirs[name], name


def test_two_layers(layout: Path, tmp_path: Path) -> None:
    compare(layout, tmp_path)


@pytest.mark.parametrize("form", ["zstd", "gzip"])
def test_what_skopeo_packs_again(layout: Path, tmp_path: Path, form: str) -> None:
    again = tmp_path / "again"
    run("skopeo", "copy", "--dest-compress-format", form, f"oci:{layout}:latest", f"dir:{tmp_path / 'dir'}")
    run("skopeo", "copy", f"dir:{tmp_path / 'dir'}", f"oci:{again}:latest")
    ours = of_tree(tree_of(again, tmp_path / "pool"), tmp_path / "pool")
    assert ours == of_tree(tree_of(layout, tmp_path / "pool2"), tmp_path / "pool2")


def test_an_archive_that_skopeo_writes(layout: Path, tmp_path: Path) -> None:
    run("skopeo", "copy", f"oci:{layout}:latest", f"oci-archive:{tmp_path / 'a.tar'}:latest")
    ours = of_tree(tree_of(tmp_path / "a.tar", tmp_path / "pool"), tmp_path / "pool")
    assert ours == of_tree(tree_of(layout, tmp_path / "pool2"), tmp_path / "pool2")
