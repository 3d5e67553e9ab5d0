"""A secret's file is private, untracked, and where it says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aivp.diagnostics import Refused
from aivp.secrets.file import read_file


def refused(root: Path, path: str) -> str:
    with pytest.raises(Refused) as caught:
        read_file("s", path, root)
    return caught.value.diagnostics[0].code


def private(path: Path, mode: int = 0o600) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("value\n")
    path.chmod(mode)
    return path


def test_beneath_the_project(root: Path) -> None:
    private(root / "a" / "b")
    assert read_file("s", "./a//b", root) == b"value"


def test_the_project_itself_may_be_reached_through_a_link(root: Path, tmp_path: Path) -> None:
    private(root / "f")
    (tmp_path / "link").symlink_to(root)
    assert read_file("s", "f", tmp_path / "link") == b"value"


ELSEWHERE = ["missing", "folder", "pipe", "link", "through/f", "../outside", "a/../f", "f/x", "", "a\0b"]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_no_such_file(root: Path, tmp_path: Path, path: str) -> None:
    private(tmp_path / "outside")
    private(root / "f")
    private(root / "a" / "f")
    (root / "folder").mkdir()
    os.mkfifo(root / "pipe", 0o600)
    (root / "link").symlink_to("f")
    (root / "through").symlink_to("a")
    assert refused(root, path) == "AIVP0804"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_project_file_is_for_its_owner(root: Path, mode: int) -> None:
    private(root / "f", mode)
    assert refused(root, "f") == "AIVP0805"


def test_an_absolute_path_is_as_containers_mount_it(root: Path, tmp_path: Path) -> None:
    private(tmp_path / "mount" / "..data" / "db", 0o444)
    (tmp_path / "mount" / "db").symlink_to("..data/db")
    assert read_file("s", str(tmp_path / "mount" / "db"), root) == b"value"
    (tmp_path / "mount" / "..data" / "db").chmod(0o646)
    assert refused(root, str(tmp_path / "mount" / "db")) == "AIVP0805"


def test_git(root: Path) -> None:
    for arguments in (["init", "-q"], ["add", "."]):
        private(root / "tracked")
        subprocess.run(["git", *arguments], cwd=root, check=True)
    private(root / "untracked")
    assert read_file("s", "untracked", root) == b"value"
    assert refused(root, "tracked") == refused(root, str(root / "tracked")) == "AIVP0806"


def test_an_index_that_nobody_can_read(root: Path) -> None:
    private(root / "f")
    (root / ".git").mkdir()
    (root / ".git" / "index").write_bytes(b"DIRC\0\0\0\5" + b"f\0" * 40)
    assert refused(root, "f") == "AIVP0806"
