"""The store of images: built once, whole or not at all, verified, and never emptied under its users."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from aivp_image.record import Content, Damaged
from aivp_image.store import Store, digest_of, remove_tree
from aivp_sdk import Permanent

DIGEST = digest_of({"an": "image"})


def build(draft: Path, data: bytes = b"disk") -> Content:
    (draft / "disk.raw").write_bytes(data)
    return Content(architecture="x86_64", disk="disk.raw", disk_format="raw", disk_size=len(data))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def left(store: Store) -> list[str]:
    drafts = store.folder / ".drafts"
    return sorted(os.listdir(drafts)) if drafts.is_dir() else []


def test_an_image_is_built_once(store: Store) -> None:
    calls = []

    def counted(draft: Path) -> Content:
        calls.append(draft)
        return build(draft)

    folder = store.take(DIGEST, counted)
    assert store.take(f"sha256:{DIGEST}", counted) == folder
    assert len(calls) == 1
    record = store.record(DIGEST)
    assert record is not None
    assert record["digest"] == f"sha256:{DIGEST}"
    assert record["disk"]["size"] == 4
    assert store.digests() == [DIGEST]
    assert left(store) == []


def test_whoever_comes_second_waits_for_the_first(store: Store) -> None:
    calls = []

    def slow(draft: Path) -> Content:
        calls.append(draft)
        time.sleep(0.3)
        return build(draft)

    threads = [threading.Thread(target=store.take, args=(DIGEST, slow)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_a_tampered_byte_is_found_and_built_again(store: Store) -> None:
    folder = store.take(DIGEST, build)
    disk = folder / "disk.raw"
    disk.chmod(0o644)
    disk.write_bytes(b"disc")
    with pytest.raises(Damaged, match=r"disk\.raw is not what it was"):
        store.record(DIGEST)
    store.take(DIGEST, build)
    assert disk.read_bytes() == b"disk"
    assert left(store) == []


def test_a_damaged_image_with_users_is_only_replaced_by_the_same_bytes(store: Store) -> None:
    folder = store.take(DIGEST, build)
    (folder / "users" / "web").touch()
    disk = folder / "disk.raw"
    disk.chmod(0o644)
    disk.write_bytes(b"disc")
    with pytest.raises(Permanent, match="disks of web lie on top of it"):
        store.take(DIGEST, lambda draft: build(draft, b"other"))
    assert disk.read_bytes() == b"disc"
    store.take(DIGEST, build)
    assert disk.read_bytes() == b"disk"
    assert store.users(DIGEST) == ["web"]


def test_a_full_disk_leaves_nothing(store: Store) -> None:
    def full(draft: Path) -> Content:
        (draft / "disk.raw").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Permanent, match="no space is left"):
        store.take(DIGEST, full)
    assert store.digests() == []
    assert left(store) == []


def test_what_a_killed_build_leaves_is_swept_by_the_next(store: Store) -> None:
    program = (
        "import pathlib, sys, time\n"
        "from aivp_image.store import Store\n"
        "def build(draft):\n"
        "    (draft / 'half').write_bytes(b'half')\n"
        "    print('building', flush=True)\n"
        "    time.sleep(60)\n"
        f"Store(pathlib.Path(sys.argv[1])).take({DIGEST!r}, build)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(store.folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert left(store) == [DIGEST]
        store.sweep()
        assert left(store) == [DIGEST], "a build that runs is left alone"
        process.send_signal(signal.SIGKILL)
    assert store.digests() == []
    store.take(digest_of("another"), build)
    assert left(store) == []


def test_prune_removes_what_nobody_uses(store: Store) -> None:
    used, kept, backing, gone = (digest_of(name) for name in ("used", "kept", "backing", "gone"))
    for digest in (used, kept, backing, gone):
        store.take(digest, build)
    (store.path(used) / "users" / "web").touch()
    assert store.prune({f"sha256:{kept}"}, lambda folder: folder.name == backing) == [gone]
    assert store.digests() == sorted([used, kept, backing])


def test_checksums_are_read_again_only_when_a_file_looks_changed(store: Store) -> None:
    folder = store.take(DIGEST, build)
    note = store.folder / ".checked" / DIGEST
    known = json.loads(note.read_text())
    assert known["disk.raw"][0] == 4
    os.utime(folder / "disk.raw")
    assert store.record(DIGEST) is not None
    assert json.loads(note.read_text()) != known


def test_a_tree_goes_whatever_its_permissions(tmp_path: Path) -> None:
    inner = tmp_path / "tree" / "closed" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    inner.chmod(0o500)
    inner.parent.chmod(0o000)
    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


def test_an_empty_store_goes_and_one_in_use_stays(store: Store) -> None:
    store.take(DIGEST, build)
    store.close()
    assert store.digests() == [DIGEST]
    assert store.remove(DIGEST)
    store.close()
    assert not store.folder.exists()
    store.take(DIGEST, build)
