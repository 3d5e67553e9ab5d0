"""Recursion and purge, and everything that goes with a directory."""

import os
import pwd
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aivp_contract.diff import Decision

from tests.providers.driver import Failed
from tests.providers.host.disk import Disk

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: files of other users, mounts")


def grow(disk: Disk, *names: str) -> None:
    for name in names:
        path = disk.path(f"it/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name) if not name.endswith("/") else path.mkdir(exist_ok=True)


def left(disk: Disk) -> set[str]:
    return {str(path.relative_to(disk.path())) for path in disk.path().rglob("*")}


def test_purge_says_what_goes(disk: Disk) -> None:
    grow(disk, "a.conf", "old/one", "old/two", "empty/", "kept/x", "part/keep", "part/go")
    fields: dict[str, Any] = {
        "state": "directory",
        "purge": True,
        "keep": ["a.conf", str(disk.path("it/kept")), "part/keep"],
    }
    done = disk.converge(**fields)
    assert [change.form() for change in done.decision.changes] == [
        {"op": "remove", "path": "/unmanaged/empty~1", "before": "empty/"},
        {"op": "remove", "path": "/unmanaged/old~1 (2 inside)", "before": "old/ (2 inside)"},
        {"op": "remove", "path": "/unmanaged/part~1go", "before": "part/go"},
    ]
    assert left(disk) == {"a.conf", "kept", "kept/x", "part", "part/keep"}


def test_purge_leaves_what_is_ignored(disk: Disk) -> None:
    grow(disk, "a.conf", "a.bak", "sub/b.bak", "sub/b.conf", "sub/exact", "exact", "old.aivp-backup")
    disk.converge(state="directory", purge=True, ignore=["*.bak", "sub/exact"])
    assert left(disk) == {"a.bak", "sub", "sub/b.bak", "sub/exact", "old.aivp-backup"}


def test_purge_of_a_new_directory_is_idle(disk: Disk) -> None:
    assert disk.converge(state="directory", purge=True).decision.action == "create"


def test_purge_removes_nothing_that_nobody_reviewed(disk: Disk) -> None:
    grow(disk, "old", "dir/one")
    config = disk.config(state="directory", purge=True)
    seen = disk.driver.observe("file", config)
    grow(disk, "new", "dir/two")
    disk.driver.apply("file", config, seen, disk.driver.decide("file", config, seen))
    assert left(disk) == {"new", "dir", "dir/one", "dir/two"}


def test_purge_does_not_follow_links(disk: Disk) -> None:
    disk.path("outside").mkdir()
    disk.path("outside/file").write_text("x")
    disk.path().mkdir()
    disk.path("it/link").symlink_to(disk.path("outside"))
    disk.converge(state="directory", purge=True)
    assert left(disk) == set()
    assert disk.path("outside/file").exists()


def test_names_that_are_no_text(disk: Disk) -> None:
    disk.path().mkdir()
    Path(os.fsdecode(os.fsencode(disk.path()) + b"/caf\xe9")).write_text("x")
    done = disk.converge(state="directory", purge=True)
    assert [change.before for change in done.decision.changes] == ["caf\\xe9"]


def test_too_many_entries(disk: Disk) -> None:
    grow(disk, *(f"d/{number}" for number in range(20)))
    with pytest.raises(Failed, match="more than 10 entries") as failed:
        disk.observe(state="directory", purge=True, max_entries=10)
    assert failed.value.error["path"] == "/max_entries"


def test_a_very_deep_tree(disk: Disk) -> None:
    here = os.getcwd()
    disk.path().mkdir()
    try:
        os.chdir(disk.path())
        for _ in range(300):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    with pytest.raises(Failed, match="more than 200 deep"):
        disk.observe(state="directory", purge=True)
    with pytest.raises(Failed, match="more than 200 deep"):
        disk.observe(state="absent", force=True)
    subprocess.run(["rm", "-rf", disk.path()], check=True)


def test_keep_must_lie_beneath(disk: Disk) -> None:
    disk.path().mkdir()
    with pytest.raises(Failed, match="does not lie beneath"):
        disk.observe(state="directory", purge=True, keep=["/etc/passwd"])


def test_recurse_modes(disk: Disk) -> None:
    grow(disk, "a", "sub/b")
    disk.path("it/sub").chmod(0o777)
    disk.path("it/a").chmod(0o600)
    disk.path("it/link").symlink_to("/etc/passwd")
    done = disk.converge(state="directory", recurse=True, mode="0700", file_mode="0644", directory_mode="0755")
    assert [change.before for change in done.decision.changes if change.op == "remove"] == [
        "a: mode 0600",
        "sub: mode 0777",
    ]
    modes = {name: stat.S_IMODE(disk.path(name).stat().st_mode) for name in ("it", "it/a", "it/sub", "it/sub/b")}
    assert modes == {"it": 0o700, "it/a": 0o644, "it/sub": 0o755, "it/sub/b": 0o644}


@needs_root
def test_recurse_owner(disk: Disk) -> None:
    grow(disk, "a", "sub/b")
    disk.path("outside").write_text("root's")
    disk.path("it/link").symlink_to(disk.path("outside"))
    disk.converge(state="directory", recurse=True, owner="nobody", group="nogroup")
    nobody = pwd.getpwnam("nobody")
    assert {path.lstat().st_uid for path in disk.path().rglob("*")} == {nobody.pw_uid}
    assert disk.path("outside").stat().st_uid == 0


@needs_root
def test_recurse_gives_away_no_hard_link(disk: Disk) -> None:
    disk.path().mkdir()
    disk.path("shadow").write_text("root's")
    os.link(disk.path("shadow"), disk.path("it/mine"))
    with pytest.raises(Failed, match="has another name elsewhere"):
        disk.observe(state="directory", recurse=True, owner="nobody")


@pytest.fixture
def mounted(disk: Disk) -> Any:
    """`it/mount` is a bind mount of `other` on the same file system."""
    if os.geteuid() != 0:
        pytest.skip("needs root: files of other users, mounts")
    disk.path("other").mkdir()
    disk.path("other/precious").write_text("x")
    disk.path("it/mount").mkdir(parents=True)
    made = subprocess.run(
        ["mount", "--bind", disk.path("other"), disk.path("it/mount")], check=False, capture_output=True
    )
    if made.returncode != 0:
        pytest.skip("needs the right to mount")
    yield disk
    subprocess.run(["umount", "-l", disk.path("it/mount")], check=True)


def test_nothing_crosses_a_mount(mounted: Disk) -> None:
    disk = mounted
    grow(disk, "old")
    disk.converge(state="directory", purge=True, recurse=True, file_mode="0600")
    assert left(disk) == {"mount", "mount/precious"}
    assert stat.S_IMODE(disk.path("other/precious").stat().st_mode) == 0o644
    for name in ("it", "it/mount"):
        with pytest.raises(Failed, match="mount point"):
            disk.observe(name, state="absent", force=True)
        with pytest.raises(Failed, match="mount point"):
            disk.observe(name, content="x", force=True)
    with pytest.raises(Failed):
        disk.delete(state="directory", purge=True)
    assert disk.path("other/precious").exists()


@needs_root
def test_a_mounted_file_cannot_be_replaced(disk: Disk) -> None:
    disk.path("other").write_text("other")
    disk.path().write_text("below")
    made = subprocess.run(["mount", "--bind", disk.path("other"), disk.path()], check=False, capture_output=True)
    if made.returncode != 0:
        pytest.skip("needs the right to mount")
    try:
        with pytest.raises(Failed, match="is a mount point and cannot be replaced") as failed:
            disk.driver.converge("file", disk.config(content="new"))
        assert failed.value.error["class"] == "permanent"
        assert "unmount" in failed.value.error["mend"]
        assert disk.path().read_text() == "other"
        assert not disk.leftovers()
        disk.converge(content="other", mode="0600")
    finally:
        subprocess.run(["umount", "-l", disk.path()], check=True)


def test_force_shows_and_removes_a_whole_directory(disk: Disk) -> None:
    grow(disk, "a", "sub/b", "c.aivp-backup")
    done = disk.converge(content="new", force=True)
    gone = [change.before for change in done.decision.changes if change.path.startswith("/unmanaged")]
    assert gone == ["a", "c.aivp-backup", "sub/ (1 inside)"]
    assert disk.path().read_text() == "new"


def test_failed_validation_leaves_the_directory(disk: Disk) -> None:
    grow(disk, "a")
    config = disk.config(content="new", force=True, validate=["false", "%s"])
    seen = disk.driver.observe("file", config)
    with pytest.raises(Failed, match="ended with 1"):
        disk.driver.apply("file", config, seen, Decision("update"))
    assert left(disk) == {"a"}
