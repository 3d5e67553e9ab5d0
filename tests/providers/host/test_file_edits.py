"""Line and block edits: text to text, and on a disk."""

import os
import stat
from typing import Any

import pytest
from aivp_contract.diff import Decision
from aivp_contract.values import Secret, Unknown, Verdict
from aivp_host.files.declaration import Block, Line
from aivp_host.files.edits import edit, without
from aivp_sdk import Permanent

from tests.providers.driver import Failed
from tests.providers.host.disk import Disk

SSHD = "# ssh\nPort 22\n#PermitRootLogin yes\nUseDNS no\n"


def line(**fields: Any) -> list[Line]:
    return [Line(**fields)]


def block(content: str = "a\nb\n", name: str = "ports", **fields: Any) -> list[Block]:
    return [Block(name=name, content=content, **fields)]


LINES = {
    "appended": (SSHD, {"line": "X11 no"}, SSHD + "X11 no\n"),
    "there already": (SSHD, {"line": "UseDNS no"}, SSHD),
    "first line of a new file": ("", {"line": "a"}, "a\n"),
    "after a last line without its end": ("a", {"line": "b"}, "a\nb\n"),
    "replaced": ("a\n#k yes\nb\n", {"regexp": "^#?k", "line": "k no"}, "a\nk no\nb\n"),
    "not found, so appended": ("a\n", {"regexp": "^b", "line": "b=1"}, "a\nb=1\n"),
    "last match counts": ("k 1\nk 2\n", {"regexp": "^k", "line": "k 3"}, "k 1\nk 3\n"),
    "first match counts": ("k 1\nk 2\n", {"regexp": "^k", "line": "k 3", "first_match": True}, "k 3\nk 2\n"),
    "literal search": ("a.b\naxb\n", {"search": "a.b", "line": "a.b c"}, "a.b c\naxb\n"),
    "groups": ("x=1 # note\n", {"regexp": r"^x=\d+(.*)$", "line": r"x=2\1", "backrefs": True}, "x=2 # note\n"),
    "groups without a match": ("y\n", {"regexp": r"^(x)", "line": r"\1", "backrefs": True}, "y\n"),
    "after a line": ("a\nb\n", {"line": "n", "insert_after": "^a"}, "a\nn\nb\n"),
    "before a line": ("a\nb\n", {"line": "n", "insert_before": "^b"}, "a\nn\nb\n"),
    "at the beginning": ("a\n", {"line": "n", "insert_before": "BOF"}, "n\na\n"),
    "anchor is missing": ("a\n", {"line": "n", "insert_before": "^z"}, "a\nn\n"),
    "absent by line": ("a\nb\na\n", {"line": "a", "state": "absent"}, "b\n"),
    "absent by regexp": ("a1\nb\na2\n", {"regexp": r"^a\d", "state": "absent"}, "b\n"),
    "absent and not there": ("b\n", {"line": "a", "state": "absent"}, "b\n"),
    "line ends are kept": ("a\r\nb\r\n", {"line": "c"}, "a\r\nb\r\nc\r\n"),
    "mixed line ends are kept": ("a\nb\r\n", {"regexp": "^b$", "line": "b2"}, "a\nb2\r\n"),
    "other separators are no line ends": ("a\x0bb\u2028c\n", {"line": "d"}, "a\x0bb\u2028c\nd\n"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "fields", "after"), LINES.values(), ids=LINES)
def test_line(before: str, fields: dict[str, Any], after: str) -> None:
    assert edit(before, line(**fields), ()) == after
    assert edit(after, line(**fields), ()) == after


BLOCK = "# BEGIN aivp: ports\na\nb\n# END aivp: ports\n"
BLOCKS = {
    "appended": ("x\n", {}, "x\n" + BLOCK),
    "in an empty file": ("", {}, BLOCK),
    "content without its end": ("", {"content": "a\nb"}, BLOCK),
    "there already": ("x\n" + BLOCK + "y\n", {}, "x\n" + BLOCK + "y\n"),
    "changed in its place": ("x\n" + BLOCK.replace("a\n", "z\nz\n") + "y\n", {}, "x\n" + BLOCK + "y\n"),
    "emptied": ("x\n" + BLOCK + "y\n", {"content": ""}, "x\ny\n"),
    "empty and not there": ("x\n", {"content": ""}, "x\n"),
    "after a line": ("x\ny\n", {"insert_after": "^x"}, "x\n" + BLOCK + "y\n"),
    "before everything": ("x\n", {"insert_before": "BOF"}, BLOCK + "x\n"),
    "with its own marker": ("", {"marker": "; {mark} {name}", "content": "k"}, "; BEGIN ports\nk\n; END ports\n"),
    "with the line ends of the file": ("x\r\n", {}, "x\r\n" + BLOCK.replace("\n", "\r\n")),
}


@pytest.mark.parametrize(("before", "fields", "after"), BLOCKS.values(), ids=BLOCKS)
def test_block(before: str, fields: dict[str, Any], after: str) -> None:
    assert edit(before, (), block(**fields)) == after
    assert edit(after, (), block(**fields)) == after


def test_several_edits_in_order() -> None:
    lines = [Line(line="a"), Line(line="b", insert_before="^a"), Line(regexp="^b$", state="absent")]
    with pytest.raises(Permanent, match="never settle"):
        edit("", [*lines[:2], Line(line="b", regexp="^a$")], ())
    assert edit("x\n", lines, block("c")) == "x\na\n# BEGIN aivp: ports\nc\n# END aivp: ports\n"


REFUSED = {
    "/lines/0/regexp": {"regexp": "(", "line": "x"},
    "/lines/0/search": {"regexp": "x", "search": "x", "line": "x"},
    "/lines/0/insert_before": {"line": "x", "insert_after": "a", "insert_before": "b"},
    "/lines/0/insert_after": {"line": "x", "insert_after": "("},
    "/lines/0/line": {"line": "two\nlines"},
    "/lines/0/backrefs": {"line": "x", "backrefs": True},
    "/lines/0": {"state": "absent"},
    "/lines": {"regexp": "^k", "line": "never matches"},
}


@pytest.mark.parametrize(("path", "fields"), REFUSED.items(), ids=REFUSED)
def test_refused_line(path: str, fields: dict[str, Any]) -> None:
    with pytest.raises(Permanent) as refused:
        edit("k 1\nk 2\n", line(**fields), ())
    assert refused.value.path == path


@pytest.mark.parametrize(
    "text",
    ["# BEGIN aivp: ports\na\n", "# END aivp: ports\n# BEGIN aivp: ports\n", BLOCK + BLOCK, "# END aivp: ports\n"],
)
def test_damaged_markers_are_never_guessed(text: str) -> None:
    with pytest.raises(Permanent, match="markers of block ports are damaged"):
        edit(text, (), block())


def test_a_block_cannot_hold_its_markers() -> None:
    with pytest.raises(Permanent, match="own markers"):
        edit("", (), block("a\n# END aivp: ports\n"))


def test_what_is_left_without_our_edits() -> None:
    lines, blocks = line(line="ours"), block()
    assert without(edit("", lines, blocks), lines, blocks) == ""
    assert without(edit("theirs\n", lines, blocks), lines, blocks) == "theirs\n"


# --- on a disk


def test_edit_matrix(disk: Disk) -> None:
    disk.path().write_text(SSHD)
    disk.path().chmod(0o644)
    fields: dict[str, Any] = {
        "lines": [{"regexp": "^#?PermitRootLogin", "line": "PermitRootLogin no"}],
        "blocks": [{"name": "ports", "content": "a\nb\n"}],
    }
    done = disk.converge(**fields)
    after = SSHD.replace("#PermitRootLogin yes", "PermitRootLogin no") + BLOCK
    assert [change.form() for change in done.decision.changes] == [
        {"op": "replace", "path": "/content", "before": SSHD, "after": after}
    ]
    assert disk.path().read_text() == after
    assert disk.converge(**fields).decision.action == "no-op"
    disk.path().write_text(after.replace("no\n# BEGIN", "yes\n# BEGIN") + "theirs\n")
    assert disk.converge(**fields).decision.action == "no-op", "what others write beside is theirs"
    fields["blocks"][0]["content"] = ""
    assert disk.converge(**fields).decision.action == "update"
    assert "BEGIN" not in disk.path().read_text()


def test_digest_covers_edited_content(disk: Disk) -> None:
    config = disk.config(lines=[{"line": "ours"}])
    disk.path().write_text("one\n")
    one = disk.driver.digest("file", config, disk.driver.observe("file", config))
    disk.path().write_text("two\n")
    assert disk.driver.digest("file", config, disk.driver.observe("file", config)) != one


def test_edit_keeps_owner_and_mode(disk: Disk) -> None:
    disk.path().write_text("a\n")
    disk.path().chmod(0o751)
    if os.geteuid() == 0:
        os.chown(disk.path(), 12, 34)
    before = disk.path().stat()
    disk.converge(lines=[{"line": "b"}])
    now = disk.path().stat()
    assert (stat.S_IMODE(now.st_mode), now.st_uid, now.st_gid) == (0o751, before.st_uid, before.st_gid)


def test_missing_file(disk: Disk) -> None:
    config = disk.config(lines=[{"line": "a"}])
    seen = disk.driver.observe("file", config)
    assert seen.normalised is not None
    assert seen.normalised["content"] == Unknown(), "an earlier step may bring the file"
    with pytest.raises(Failed, match="does not exist, so there is nothing to edit"):
        disk.driver.apply("file", config, seen, Decision("create"))
    done = disk.converge(lines=[{"line": "a"}], create=True)
    assert done.decision.action == "create"
    assert disk.path().read_text() == "a\n"


def test_bytes_that_are_no_text_survive(disk: Disk) -> None:
    disk.path().write_bytes(b"caf\xe9\n")
    disk.converge(lines=[{"line": "tea"}])
    assert disk.path().read_bytes() == b"caf\xe9\ntea\n"


def test_large_file(disk: Disk) -> None:
    disk.path().write_text("x" * 99 + "\n" * 2000 + ("y" * 99 + "\n") * 2000)
    disk.converge(lines=[{"line": "z", "insert_before": "BOF"}])
    disk.path().write_bytes(b"x" * (5 * 1024 * 1024))
    with pytest.raises(Failed, match="larger than 4 MiB"):
        disk.observe(lines=[{"line": "z"}])


def test_private_file_is_edited_unseen(disk: Disk) -> None:
    disk.path().write_text("old password\n")
    disk.path().chmod(0o600)
    done = disk.converge(lines=[{"line": "b"}])
    assert [change.form() for change in done.decision.changes] == [
        {"op": "replace", "path": "/content", "before": Verdict(False), "after": Verdict(True)}
    ]
    assert "password" not in repr(done)


@pytest.mark.parametrize("present", [None, "password = old one\n"])
def test_secret_in_an_edit(disk: Disk, present: str | None) -> None:
    if present is not None:
        disk.path().write_text(present)
    secret = Secret({"text": ["password = ", {"secret": "db"}]}, "password = hunter2")
    done = disk.converge(lines=[{"line": secret, "regexp": "^password"}], create=True)
    assert disk.path().read_text() == "password = hunter2\n"
    said = repr((done.before, done.decision, done.outcome, done.after))
    assert "hunter2" not in said
    assert "old one" not in said


def test_edit_that_somebody_overtakes(disk: Disk) -> None:
    disk.path().write_text("a\n")
    script = f"echo theirs >> {disk.path()}"
    config = disk.config(lines=[{"line": "b"}], validate=["sh", "-c", script, "sh", "%s"])
    with pytest.raises(Failed, match="changed by somebody else") as failed:
        disk.driver.converge("file", config)
    assert failed.value.error["class"] == "temporary"
    assert disk.path().read_text() == "a\ntheirs\n"
    assert not disk.leftovers()


def test_delete_of_an_edited_file(disk: Disk) -> None:
    fields: dict[str, Any] = {"lines": [{"line": "a"}], "blocks": [{"name": "n", "content": "c"}], "create": True}
    disk.converge(**fields)
    text = disk.path().read_text()
    disk.path().write_text("theirs\n" + text)
    with pytest.raises(Failed, match="holds lines that these edits did not bring"):
        disk.delete(**fields)
    disk.path().write_text(text)
    assert disk.delete(**fields).observed is None
