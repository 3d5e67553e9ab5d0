import os
import socket
from pathlib import Path

import pytest

from aivp.config.files import entries, entry_type, read_bytes, read_given, read_text
from aivp.diagnostics import Refused, Span

SPAN = Span("aivp.yaml", 3, 5)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "real"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "site.conf").write_text("hello ü\n", "utf-8")
    (root / "a" / "binary").write_bytes(b"\xff\x00")
    (tmp_path / "outside").write_text("secret", "utf-8")
    (root / "link").symlink_to("a/b/site.conf")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "dir").symlink_to("a")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(root)
        listener.bind("socket")
        os.chdir(here)
    return root


def test_reads_beneath_the_root(root: Path) -> None:
    assert read_text(root, "a/b/site.conf", 100) == "hello ü\n"
    assert read_bytes(root, "./a//b/./site.conf", 100) == "hello ü\n".encode()
    assert read_bytes(root, "a/binary", 2) == b"\xff\x00"


def test_the_root_may_be_reached_through_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "project").symlink_to(root)
    assert read_text(tmp_path / "project", "a/b/site.conf", 100) == "hello ü\n"


# path → code, and a part of what is said
REFUSED = {
    "a/b/site.cnf": ("AIVP0101", "a/b/site.cnf does not exist."),
    "a/c/site.conf": ("AIVP0101", "there is no a/c"),
    "a/b/site.conf/x": ("AIVP0101", "not a directory"),
    "../outside": ("AIVP0102", "goes up"),
    "a/../a/b/site.conf": ("AIVP0102", "goes up"),
    "/etc/passwd": ("AIVP0102", "absolute"),
    "": ("AIVP0102", "names no file"),
    ".": ("AIVP0102", "names no file"),
    "a\0b": ("AIVP0102", "names no file"),
    "link": ("AIVP0103", "link is a symbolic link"),
    "out": ("AIVP0103", "symbolic link"),
    "loop": ("AIVP0103", "symbolic link"),
    "dir/b/site.conf": ("AIVP0103", "leads through dir"),
    "a": ("AIVP0104", "is a directory"),
    "pipe": ("AIVP0104", "named pipe"),
    "socket": ("AIVP0104", "socket"),
    "x" * 5000: ("AIVP0101", "too long"),
    "\udcff": ("AIVP0101", ""),
}


@pytest.mark.parametrize("path", REFUSED)
def test_refused(root: Path, path: str) -> None:
    code, part = REFUSED[path]
    with pytest.raises(Refused) as refused:
        read_bytes(root, path, 100, SPAN)
    (item,) = refused.value.diagnostics
    assert item.code == code
    assert part in item.why
    assert item.span == SPAN
    assert str(root) not in item.why + item.mend


def test_a_device_is_no_file(tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "null", 0o600 | 0o020000, os.makedev(1, 3))
    except OSError:
        pytest.skip("needs the right to make a device")
    with pytest.raises(Refused) as refused:
        read_bytes(tmp_path, "null", 10)
    assert refused.value.diagnostics[0].code == "AIVP0104"


def test_suggests_what_lies_beside(root: Path) -> None:
    with pytest.raises(Refused) as refused:
        read_bytes(root, "a/b/site.cfg", 100)
    assert refused.value.diagnostics[0].mend == "Did you mean site.conf?"


def test_limits(root: Path) -> None:
    with (root / "large").open("wb") as file:
        file.truncate(50 << 20)
    for path, limit in (("large", 16 << 20), ("a/b/site.conf", 3)):
        with pytest.raises(Refused) as refused:
            read_bytes(root, path, limit)
        assert refused.value.diagnostics[0].code == "AIVP0105"


def test_text_is_utf8(root: Path) -> None:
    with pytest.raises(Refused) as refused:
        read_text(root, "a/binary", 100)
    assert refused.value.diagnostics[0].code == "AIVP0106"


def test_listing(root: Path) -> None:
    assert entries(root, "a") == [("b", "directory"), ("binary", "file")]
    assert [name for name, kind in entries(root, "") if kind == "link"] == ["dir", "link", "loop", "out"]
    assert entry_type(root, "a/b") == "directory"
    assert entry_type(root, "a/binary") == "file"
    with pytest.raises(Refused):
        entries(root, "dir")


def test_files_from_the_command_line_may_lie_anywhere(root: Path, tmp_path: Path) -> None:
    assert read_given(root / "link", 100) == "hello ü\n".encode()
    for path in (tmp_path / "none", root / "pipe", root / "a", root / "loop"):
        with pytest.raises(Refused):
            read_given(path, 100)
    with pytest.raises(Refused):
        read_given(root / "link", 3)


def test_no_root(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read_bytes(tmp_path / "none", "x", 1)
    assert refused.value.diagnostics[0].code == "AIVP0101"
    assert str(tmp_path) not in refused.value.diagnostics[0].why
