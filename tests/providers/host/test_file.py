"""`file` on a real disk: what was there × what is declared. Each pass is applied, predicted, and idle when repeated."""

import os
import pwd
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aivp_contract.diff import Decision
from aivp_contract.values import Binary, Blob, Secret, Verdict

from tests.providers.driver import Failed
from tests.providers.host.disk import Disk

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: files of other users")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# --- files


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_new_things_have_an_explicit_mode_whatever_the_umask(disk: Disk, umask: int) -> None:
    before = os.umask(umask)
    try:
        done = disk.converge("a/b", content="hello\n", create_parents=True)
        disk.converge("c", state="directory")
    finally:
        os.umask(before)
    assert done.decision.action == "create"
    assert disk.path("a/b").read_text() == "hello\n"
    assert [mode(disk.path(name)) for name in ("a", "a/b", "c")] == [0o755, 0o644, 0o755]


def test_compliant_file_is_left_alone(disk: Disk) -> None:
    disk.path().write_text("hello\n")
    disk.path().chmod(0o640)
    before = disk.snapshot()
    assert disk.converge(content="hello\n", mode="0640").decision.action == "no-op"
    assert disk.snapshot() == before


def test_drifted_content_keeps_unmanaged_mode(disk: Disk) -> None:
    disk.path().write_text("old\n")
    disk.path().chmod(0o755)
    done = disk.converge(content="new\n")
    assert [change.form() for change in done.decision.changes] == [
        {"op": "replace", "path": "/content", "before": "old\n", "after": "new\n"}
    ]
    assert mode(disk.path()) == 0o755


def test_mode_alone_is_mended_in_place(disk: Disk) -> None:
    disk.path().write_text("same\n")
    disk.path().chmod(0o666)
    inode = disk.path().stat().st_ino
    done = disk.converge(content="same\n", mode="u=rw,g=r,o=")
    assert [change.path for change in done.decision.changes] == ["/mode"]
    assert disk.path().stat().st_ino == inode
    assert mode(disk.path()) == 0o640


def test_file_without_content_is_made_empty_and_else_kept(disk: Disk) -> None:
    disk.converge()
    assert disk.path().read_bytes() == b""
    disk.path().write_text("somebody's")
    assert disk.converge(mode="0600").decision.action == "update"
    assert disk.path().read_text() == "somebody's"


def test_attributes_of_the_old_file_stay(disk: Disk) -> None:
    disk.path().write_text("old")
    try:
        os.setxattr(disk.path(), "user.note", b"kept")
    except OSError:
        pytest.skip("needs a file system with user attributes")
    disk.converge(content="new", mode="0600")
    assert os.getxattr(disk.path(), "user.note") == b"kept"


def test_access_list_of_the_old_file_stays(disk: Disk) -> None:
    disk.path().write_text("old")
    entries = [(0x01, 6, -1), (0x02, 6, 12), (0x04, 4, -1), (0x10, 6, -1), (0x20, 4, -1)]  # user 12 may write, too
    access = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(disk.path(), "system.posix_acl_access", access)
    except OSError:
        pytest.skip("needs a file system with access lists")
    before = os.getxattr(disk.path(), "system.posix_acl_access")
    disk.converge(content="new")
    assert os.getxattr(disk.path(), "system.posix_acl_access") == before


def test_setuid_mode(disk: Disk) -> None:
    disk.converge(content="#!/bin/sh\n", mode="4755")
    assert mode(disk.path()) == 0o4755


@needs_root
def test_owner_by_name_and_number(disk: Disk) -> None:
    nobody = pwd.getpwnam("nobody")
    disk.converge(content="x", owner="nobody", group=str(nobody.pw_gid), mode="0400")
    found = disk.path().stat()
    assert (found.st_uid, found.st_gid, mode(disk.path())) == (nobody.pw_uid, nobody.pw_gid, 0o400)
    assert disk.converge(content="x", owner=str(nobody.pw_uid)).decision.action == "no-op"
    assert disk.converge(content="x", owner="12345").decision.action == "update"
    assert disk.converge(content="y", group="nogroup").decision.action == "update"
    assert disk.path().stat().st_uid == 12345, "an unmanaged owner is kept"


def test_user_that_does_not_exist_yet(disk: Disk) -> None:
    config = disk.config(content="x", owner="aivp-nobody-yet")
    disk.path().write_text("x")
    seen = disk.driver.observe("file", config)
    decision = disk.driver.decide("file", config, seen)
    assert [change.path for change in decision.changes] == ["/owner"]
    with pytest.raises(Failed, match="there is no user aivp-nobody-yet") as failed:
        disk.driver.apply("file", config, seen, decision)
    assert failed.value.error["path"] == "/owner"


def test_bytes_that_are_no_text(disk: Disk) -> None:
    disk.path().write_bytes(b"\xff\xfe old")
    seen = disk.observe(content="text")
    assert seen.observed is not None
    assert seen.observed["content"] == Binary("//4gb2xk")
    assert disk.converge(content=Binary("//4gbmV3")).decision.action == "update"
    assert disk.path().read_bytes() == b"\xff\xfe new"


def test_large_present_content_is_shown_as_its_digest(disk: Disk) -> None:
    disk.path().write_bytes(b"x" * 1_000_000)
    seen = disk.observe(content="small")
    assert seen.observed is not None
    assert isinstance(seen.observed["content"], Blob)
    assert seen.observed["content"].size == 1_000_000
    disk.converge(content="small")


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 1_000_000])
def test_large_declared_content(disk: Disk, size: int) -> None:
    disk.converge(content="ä" + "x" * (size - 2))
    assert disk.path().stat().st_size == size
    assert disk.converge(content="ä" + "x" * (size - 3) + "y").decision.action == "update"


def test_large_binary_content(disk: Disk) -> None:
    import base64

    disk.converge(content=Binary(base64.b64encode(b"\xff" * 100_000).decode()))
    assert disk.path().read_bytes() == b"\xff" * 100_000


def test_private_file_shows_only_whether_it_matches(disk: Disk) -> None:
    disk.path().write_text("a password")
    disk.path().chmod(0o640)
    seen = disk.observe(content="new")
    assert seen.observed is not None
    assert seen.observed["content"] == Verdict(False)
    disk.converge(content="new")
    assert disk.observe(content="new").observed == {"path": str(disk.path()), "state": "file", "content": Verdict(True)}


def test_secret_content_never_leaves(disk: Disk) -> None:
    disk.path().write_text("the old one")
    done = disk.converge(content=Secret({"secret": "db"}, "hunter2"), mode="0600")
    assert disk.path().read_text() == "hunter2"
    said = repr((done.before, done.decision, done.outcome, done.after))
    assert "hunter2" not in said
    assert "the old one" not in said


# --- directories


def test_directory_matrix(disk: Disk) -> None:
    assert disk.converge(state="directory").decision.action == "create"
    assert mode(disk.path()) == 0o755
    disk.path("it/inner").write_text("kept")
    assert disk.converge(state="directory", mode="1777").decision.action == "update"
    assert disk.converge(state="directory").decision.action == "no-op"
    assert mode(disk.path()) == 0o1777
    assert disk.path("it/inner").read_text() == "kept"


def test_missing_parent(disk: Disk) -> None:
    config = disk.config("a/b/c", content="x")
    seen = disk.driver.observe("file", config)
    assert seen.observed is None
    with pytest.raises(Failed, match=r"the folder of .*/a/b/c does not exist") as failed:
        disk.driver.apply("file", config, seen, Decision("create"))
    assert "create_parents" in failed.value.error["mend"]
    disk.converge("a/b/c", content="x", create_parents=True)
    assert [mode(disk.path(name)) for name in ("a", "a/b", "a/b/c")] == [0o755, 0o755, 0o644]


def test_a_file_where_a_parent_should_be(disk: Disk) -> None:
    disk.path("a").write_text("in the way")
    config = disk.config("a/b", content="x", create_parents=True)
    seen = disk.driver.observe("file", config)
    assert seen.observed is None
    with pytest.raises(Failed, match="a part of this path is not a directory"):
        disk.driver.apply("file", config, seen, Decision("create"))


# --- links


def test_link_matrix(disk: Disk) -> None:
    assert disk.converge(state="link", target="there").decision.action == "create"
    assert os.readlink(disk.path()) == "there", "a dangling link is a link"
    done = disk.converge(state="link", target="/else/where")
    assert [change.form() for change in done.decision.changes] == [
        {"op": "replace", "path": "/target", "before": "there", "after": "/else/where"}
    ]
    assert disk.converge(state="link", target="/else/where").decision.action == "no-op"


@needs_root
def test_owner_of_a_link_is_not_that_of_its_target(disk: Disk) -> None:
    disk.path("there").write_text("root's")
    disk.converge(state="link", target="there", owner="nobody")
    assert disk.path().lstat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert disk.path("there").stat().st_uid == 0
    disk.converge(state="link", target="there", owner="root", group="daemon")


def test_a_link_is_not_followed(disk: Disk) -> None:
    disk.path("there").write_text("keep me")
    disk.path().symlink_to("there")
    with pytest.raises(Failed, match="is a link: it is not replaced by a file unasked"):
        disk.observe(content="x")
    disk.converge(content="x", force=True)
    assert not disk.path().is_symlink()
    assert disk.path("there").read_text() == "keep me"


# --- absent


def test_absent_matrix(disk: Disk) -> None:
    assert disk.converge(state="absent").decision.action == "no-op"
    disk.path().write_text("x")
    done = disk.converge(state="absent")
    assert [change.path for change in done.decision.changes] == ["/state"]
    assert not disk.path().exists()
    disk.path().symlink_to("nowhere")
    disk.converge(state="absent")
    assert not disk.path().is_symlink()
    disk.path().mkdir()
    disk.converge(state="absent")
    assert disk.converge("no/such/folder", state="absent").decision.action == "no-op"


def test_absent_directory_that_is_not_empty(disk: Disk) -> None:
    disk.path("it/deep/er").mkdir(parents=True)
    disk.path("it/deep/er/file").write_text("x")
    with pytest.raises(Failed, match="not empty: it is not removed unasked") as failed:
        disk.observe(state="absent")
    assert (failed.value.error["path"], failed.value.error["mend"]) == ("/state", "If that is meant, set force: true.")
    done = disk.converge(state="absent", force=True)
    assert {"op": "remove", "path": "/unmanaged/deep~1 (2 inside)", "before": "deep/ (2 inside)"} in [
        change.form() for change in done.decision.changes
    ]
    assert not disk.path().exists()


# --- one type in place of another


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)
    os.chdir(here)


def make_device(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: a device node")
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))


def make_filled_directory(path: Path) -> None:
    path.mkdir()
    (path / "inner").write_text("x")


def make_filled_file(path: Path) -> None:
    path.write_text("x")


MAKERS: dict[str, Callable[[Path], None]] = {
    "fifo": make_fifo,
    "socket": make_socket,
    "device": make_device,
    "directory": make_filled_directory,
    "file": make_filled_file,
    "link": lambda path: path.symlink_to("/nonexistent"),
}
WANTED: dict[str, dict[str, Any]] = {
    "file": {"content": "new\n"},
    "directory": {"state": "directory"},
    "link": {"state": "link", "target": "there"},
    "edit": {"lines": [{"line": "new"}], "create": True},
}


OTHERS = [
    (found, wanted) for found in MAKERS for wanted in WANTED if wanted not in (found, found.replace("file", "edit"))
]


@pytest.mark.parametrize(("found", "wanted"), OTHERS)
def test_another_type_gives_way_only_by_force(disk: Disk, found: str, wanted: str) -> None:
    MAKERS[found](disk.path())
    before = disk.snapshot()
    with pytest.raises(Failed) as failed:
        disk.observe(**WANTED[wanted])
    assert failed.value.error["class"] == "permanent"
    assert disk.snapshot() == before
    if wanted == "edit":
        with pytest.raises(Failed, match="only the lines of a file can be edited"):
            disk.observe(**WANTED[wanted], force=True)
        return
    done = disk.converge(**WANTED[wanted], force=True)
    assert done.before.observed is not None
    assert done.before.observed["state"] == found
    assert done.decision.action == "update"


@pytest.mark.parametrize("wanted", ["file", "link"])
def test_empty_directory_gives_way_unforced(disk: Disk, wanted: str) -> None:
    disk.path().mkdir()
    disk.converge(**WANTED[wanted])


def test_empty_file_gives_way_unforced(disk: Disk) -> None:
    disk.path().touch()
    disk.converge(state="directory")


# --- delete


def test_delete_matrix(disk: Disk) -> None:
    every: list[dict[str, Any]] = [{"content": "x"}, {"state": "directory"}, {"state": "link", "target": "there"}]
    for fields in every:
        disk.converge(**fields)
        assert disk.delete(**fields).observed is None
        assert disk.delete(**fields).observed is None, "gone already"


def test_delete_leaves_what_others_put_into_a_directory(disk: Disk) -> None:
    disk.converge(state="directory")
    disk.path("it/theirs").write_text("x")
    with pytest.raises(Failed, match="holds what is not of this resource"):
        disk.delete(state="directory")
    assert disk.path("it/theirs").exists()
    assert disk.delete(state="directory", purge=True).observed is None


def test_delete_leaves_another_type(disk: Disk) -> None:
    disk.converge(content="x")
    seen = disk.observe(content="x")
    disk.path().unlink()
    disk.path().symlink_to("elsewhere")
    with pytest.raises(Failed, match="was made as a file and is a link now"):
        disk.driver.apply("file", disk.config(content="x"), seen, Decision("delete"))
    assert disk.path().is_symlink()


# --- backup and validation


def test_backup_keeps_content_and_mode(disk: Disk) -> None:
    disk.path().write_text("old")
    disk.path().chmod(0o600)
    disk.converge(content="new", backup=True)
    backup = disk.path("it.aivp-backup")
    assert (backup.read_text(), mode(backup)) == ("old", 0o600)
    disk.converge(state="absent", backup=True)
    assert backup.read_text() == "new"


def test_backup_into_a_folder(disk: Disk) -> None:
    disk.path("kept").mkdir()
    disk.path().write_text("old")
    disk.converge(content="new", backup=True, backup_directory=str(disk.path("kept")))
    (backup,) = disk.path("kept").iterdir()
    assert backup.name.endswith("%it.aivp-backup")
    assert backup.read_text() == "old"


def test_validate_sees_the_finished_copy(disk: Disk) -> None:
    script = '[ "$(cat "$1")" = good ] && [ "$(stat -c %a "$1")" = 640 ]'
    disk.converge(content="good\n", mode="0640", validate=["sh", "-c", script, "sh", "%s"])


@pytest.mark.parametrize("present", [None, "good\n"])
def test_failed_validation_changes_nothing(disk: Disk, present: str | None) -> None:
    if present is not None:
        disk.path().write_text(present)
    before = disk.snapshot()
    config = disk.config(content="bad\n", validate=["sh", "-c", 'echo "wrong: $(cat "$1")"; exit 3', "sh", "%s"])
    with pytest.raises(Failed, match=r"ended with 3; nothing was changed\nwrong: bad") as failed:
        disk.driver.converge("file", config)
    assert (failed.value.error["class"], failed.value.error["path"]) == ("permanent", "/validate")
    assert disk.snapshot() == before


def test_output_of_a_failed_validation_hides_secrets(disk: Disk) -> None:
    content = Secret({"secret": "db"}, "line one\nhunter2\n")
    config = disk.config(content=content, validate=["sh", "-c", 'tail -n 1 "$1"; false', "sh", "%s"])
    with pytest.raises(Failed) as failed:
        disk.driver.converge("file", config)
    assert "hunter2" not in str(failed.value.error)


def test_validate_needs_a_place_for_the_copy(disk: Disk) -> None:
    with pytest.raises(Failed, match="no %s"):
        disk.observe(content="x", validate=["true"])


# --- half applied


def test_leftover_of_the_same_step_is_removed(disk: Disk) -> None:
    """A crash between temporary file and rename, then the same step again."""
    config = disk.config(content="x")
    seen = disk.driver.observe("file", config)
    names: list[str] = []
    real = os.rename

    def crash(source: str, *rest: object, **more: object) -> None:
        names.append(source)
        raise KeyboardInterrupt

    os.rename = crash  # type: ignore[assignment]
    try:
        with pytest.raises(KeyboardInterrupt):
            disk.driver.apply("file", config, seen, Decision("create"))
    finally:
        os.rename = real
    disk.path(names[0]).write_text("what a kill would have left")
    disk.driver.apply("file", config, seen, Decision("create"))
    assert not disk.leftovers()
    assert disk.path().read_text() == "x"


def test_root_directory_is_refused(disk: Disk) -> None:
    with pytest.raises(Failed, match="root directory"):
        disk.driver.observe("file", {"path": "/", "state": "directory"})
