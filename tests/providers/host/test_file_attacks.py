"""What hostile users, kernels and crashes do to a write: never somebody else's file, never half a file."""

import os
import pwd
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aivp_contract.diff import Decision
from aivp_contract.values import Secret
from aivp_host.files.folders import MAX_OPEN, Folders
from aivp_host.files.write import place_of
from aivp_sdk.process import Session

from tests.providers.driver import Failed, HostDriver
from tests.providers.host.disk import PROVIDER, Disk

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: other users")


def temporary(disk: Disk, name: str) -> Path:
    """The name under which `name` is made."""
    with Folders() as folders:
        place = place_of(folders.folder(str(disk.path(name).parent)), disk.path(name).name)
    return disk.path(name).parent / place.temporary


# --- links on the way


@needs_root
def test_a_link_of_another_user_is_not_followed(disk: Disk) -> None:
    """Either the link or the folder belongs to somebody else."""
    disk.path("target").mkdir()
    disk.path("theirs").symlink_to("target")
    os.chown(disk.path("theirs"), 12, 34, follow_symlinks=False)
    disk.path("home").mkdir()
    os.chown(disk.path("home"), 12, 34)
    disk.path("home/link").symlink_to(disk.path("target"))
    disk.path("shared").mkdir()
    disk.path("shared").chmod(0o1777)
    disk.path("shared/link").symlink_to(disk.path("target"))
    for name in ("theirs/x", "home/link/x", "shared/link/x"):
        with pytest.raises(Failed, match="that another user could redirect"):
            disk.observe(name, content="x")
        with pytest.raises(Failed, match="that another user could redirect"):
            disk.driver.apply("file", disk.config(name, content="x"), disk.observe(content="x"), Decision("create"))
    assert list(disk.path("target").iterdir()) == []


@pytest.mark.parametrize("link", ["real", "./real/", "../root/real", "../root/./real/../real", "chain"])
def test_our_own_links_count(disk: Disk, link: str) -> None:
    disk.path("real").mkdir()
    disk.path("chain").symlink_to("real")
    disk.path("link").symlink_to(link)
    disk.converge("link/x", content="x")
    assert disk.path("real/x").read_text() == "x"


def test_links_of_the_system_count(disk: Disk) -> None:
    """`/bin` is a link of root's in root's folder."""
    if not Path("/bin").is_symlink():
        pytest.skip("needs a system whose /bin is a link")
    found = disk.driver.observe("file", {"path": "/bin/sh", "state": "link", "target": "?"}).observed
    assert found is not None
    assert found["target"] == os.readlink("/bin/sh")


def test_circles_of_links_end(disk: Disk) -> None:
    disk.path("a").symlink_to("b")
    disk.path("b").symlink_to("a")
    with pytest.raises(Failed, match="too many symbolic links"):
        disk.observe("a/x", content="x")


@needs_root
def test_swapping_a_folder_for_a_link_while_writing(disk: Disk) -> None:
    """A user who owns the folder above swaps it as fast as he can: nothing ever lands behind his link."""
    nobody = pwd.getpwnam("nobody").pw_uid
    disk.root.chmod(0o755)
    disk.path("home").mkdir()
    disk.path("victim").mkdir()
    disk.path("home/dir").mkdir()
    disk.path("home/bad").symlink_to(disk.path("victim"))
    for path in ("home", "home/dir", "home/bad"):
        os.chown(disk.path(path), nobody, -1, follow_symlinks=False)
    stop = threading.Event()

    def swap() -> None:
        home = disk.path("home")
        while not stop.is_set():
            os.rename(home / "dir", home / "good")
            os.rename(home / "bad", home / "dir")
            os.rename(home / "dir", home / "bad")
            os.rename(home / "good", home / "dir")

    attacker = threading.Thread(target=swap)
    attacker.start()
    try:
        outcomes = {"applied": 0, "refused": 0}
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            try:
                disk.driver.converge("file", disk.config("home/dir/x", content=str(time.monotonic_ns()), mode="0640"))
                outcomes["applied"] += 1
            except (Failed, AssertionError):
                outcomes["refused"] += 1
    finally:
        stop.set()
        attacker.join()
    assert min(outcomes.values()) > 0, outcomes
    assert list(disk.path("victim").iterdir()) == []


# --- temporary names


@pytest.mark.parametrize("kind", ["file", "directory", "filled directory", "link", "fifo"])
def test_whatever_stands_at_the_temporary_name(disk: Disk, kind: str) -> None:
    """Made beforehand by somebody who knows the step: never written through, never in the way."""
    trap = temporary(disk, "it")
    disk.path("victim").write_text("victim")
    if kind == "file":
        trap.write_text("trap")
    elif kind == "link":
        trap.symlink_to(disk.path("victim"))
    elif kind == "fifo":
        os.mkfifo(trap)
    else:
        trap.mkdir()
        if kind == "filled directory":
            (trap / "x").touch()
    disk.driver.converge("file", disk.config(content="x", mode="0600")).check()
    assert disk.path().read_text() == "x"
    assert disk.path("victim").read_text() == "victim"
    assert disk.leftovers() == ([trap] if kind == "filled directory" else [])


def test_secret_content_is_never_readable_for_others(disk: Disk) -> None:
    """Every state of every file that appears while a private one is replaced, seen by a thread that only looks."""
    disk.path().write_text("public")
    seen: set[tuple[str, int]] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            with os.scandir(disk.root) as entries:
                for entry in entries:
                    try:
                        descriptor = os.open(entry.path, os.O_RDONLY)
                    except FileNotFoundError:
                        continue
                    text = os.read(descriptor, 100).decode()
                    seen.add((text[:6], stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077))
                    os.close(descriptor)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for number in range(150):
            disk.driver.converge("file", disk.config(content=Secret({"n": 1}, f"secret {number}"), mode="0600")).check()
    finally:
        stop.set()
        watcher.join()
    assert {mode for text, mode in seen if text == "secret"} == {0}


def test_a_reader_sees_the_old_or_the_new_content(disk: Disk) -> None:
    sizes = {1000, 200_000}
    disk.path().write_text("x" * 1000)
    seen: set[int] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.add(len(disk.path().read_bytes()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for number in range(100):
            disk.driver.converge("file", disk.config(content="x" * (1000 if number % 2 else 200_000))).check()
    finally:
        stop.set()
        watcher.join()
    assert seen == sizes


# --- what the kernel refuses


@pytest.fixture
def small(disk: Disk) -> Iterator[Path]:
    """A file system of 256 KiB."""
    if os.geteuid() != 0:
        pytest.skip("needs root: other users")
    folder = disk.path("small")
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder], check=False, capture_output=True)
    if made.returncode != 0:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_full_disk(disk: Disk, small: Path) -> None:
    disk.converge("small/it", content="fits")
    with pytest.raises(Failed, match="no space left") as failed:
        disk.driver.converge("file", disk.config("small/it", content="x" * 400_000))
    assert failed.value.error["class"] == "permanent"
    assert (small / "it").read_text() == "fits"
    assert not disk.leftovers()


def test_read_only_file_system(disk: Disk, small: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    with pytest.raises(Failed, match="read-only"):
        disk.driver.converge("file", disk.config("small/it", content="x"))
    assert list(small.iterdir()) == []


def test_folder_that_may_not_be_written(disk: Disk) -> None:
    """As an ordinary user: root may write everywhere."""
    disk.path("closed").mkdir(mode=0o555)
    config = disk.config("closed/it", content="x")
    error = as_nobody(disk, config)
    assert error is not None
    assert "permission denied" in error["message"]
    assert list(disk.path("closed").iterdir()) == []


@needs_root
def test_file_of_another_user_is_not_taken_over(disk: Disk) -> None:
    """An ordinary user who may write the folder would have to give up the owner: refused, nothing left."""
    disk.path("open").mkdir()
    disk.path("open").chmod(0o777)
    disk.path("open/it").write_text("root's")
    error = as_nobody(disk, disk.config("open/it", content="nobody's"))
    assert error is not None
    assert "this user may not do this" in error["message"]
    assert disk.path("open/it").read_text() == "root's"
    assert not disk.leftovers()


def as_nobody(disk: Disk, config: dict[str, Any]) -> dict[str, Any] | None:
    """Converge in a child that is an ordinary user; the error, if it ends in one."""
    import json

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            for folder in [disk.root, *disk.root.parents]:
                if os.stat(folder).st_uid == os.geteuid() and str(folder).startswith("/tmp/pytest"):
                    folder.chmod(0o755)
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            try:
                disk.driver.converge("file", config)
                os.write(writing, b"null")
            except Failed as failed:
                os.write(writing, json.dumps(failed.error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        found: dict[str, Any] | None = json.load(answer)
    return found


# --- crashes


def test_kill_at_any_moment_then_the_same_step_again(disk: Disk, tmp_path: Path) -> None:
    """A child writes until it is killed; then each file is whole, and the same steps leave nothing behind."""
    names = [f"d{number}/f" for number in range(20)]
    versions = ["a" * 5000, "b" * 9000]

    def configs(text: str) -> list[dict[str, Any]]:
        return [disk.config(name, content=text, create_parents=True) for name in names]

    left = 0
    for attempt in range(25):
        child = os.fork()
        if child == 0:
            driver = HostDriver(PROVIDER, tmp_path / f"shim-{attempt}")
            other = Disk(disk.root, driver)
            while True:
                for text in versions:
                    other.converge_many(configs(text))
        time.sleep(0.03 + attempt * 0.004)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        left += len(disk.leftovers())
        assert {path.read_text() for path in disk.root.glob("d*/f")} <= set(versions)
        for text in versions:
            disk.converge_many(configs(text))
        assert not disk.leftovers()
    print(f"{left} leftovers in 25 kills")


# --- many


def test_more_folders_than_descriptors(disk: Disk) -> None:
    configs = [disk.config(f"d{number}/a/b", content="x", create_parents=True) for number in range(MAX_OPEN + 50)]
    before = len(os.listdir("/proc/self/fd"))
    disk.converge_many(configs)
    assert len(os.listdir("/proc/self/fd")) == before


def test_unchanged_files_are_cheap(disk: Disk) -> None:
    """Measured: 0.25 s of CPU for 10,000, so this bound holds on a slow machine."""
    configs = [disk.config(f"f{number}", content=f"{number}\n" * 50, mode="0644") for number in range(2000)]
    for config in configs:
        Path(config["path"]).write_text(config["content"])
        Path(config["path"]).chmod(0o644)
    items = [{"id": str(number), "kind": "file", "config": config} for number, config in enumerate(configs)]
    start = time.process_time()
    answers = PROVIDER.observe(items, Session(None))
    assert not any("error" in answer for answer in answers)
    assert time.process_time() - start < 0.5


def test_one_failure_in_a_batch_is_its_own(disk: Disk) -> None:
    configs = [disk.config("a", content="x"), disk.config("no/folder", content="x"), disk.config("b", content="x")]
    seen = [disk.driver.observe("file", config) for config in configs]
    decisions = [Decision("create")] * 3
    answers = disk.driver.apply_many("file", configs, seen, decisions)
    assert ["error" in answer for answer in answers] == [False, True, False]
    assert disk.path("b").read_text() == "x"
