"""Against real repositories of every format that git writes here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from aivp.secrets.git import UnreadableIndex, is_tracked

TRACKED = ["keys/app.key.pub", "keys/other", "deep/keys/app.key", "ä/key", "z" * 200, "k" * 100 + "/" + "l" * 100]
UNTRACKED = ["keys/app.key", "keys", "app.key", "keys/app.key.pu", "z" * 199]
FORMATS = {
    "2": ["update-index", "--index-version", "2"],
    "4": ["update-index", "--index-version", "4"],
    "split": ["update-index", "--split-index"],
    "unchecked": ["-c", "index.skipHash=true", "update-index", "--force-write-index"],
}


def git(tree: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=tree, check=True, capture_output=True)


def write(tree: Path, *names: str) -> None:
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)


def check(tree: Path) -> None:
    assert [name for name in TRACKED if not is_tracked(tree / name)] == []
    assert [name for name in UNTRACKED if is_tracked(tree / name)] == []


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
def test_formats(root: Path, hash_name: str, form: str) -> None:
    git(root, "init", "-q", f"--object-format={hash_name}")
    write(root, *TRACKED)
    git(root, "add", ".")
    git(root, *FORMATS[form])
    write(root, "keys/app.key")
    check(root)


def test_entries_with_extended_flags(root: Path) -> None:
    git(root, "init", "-q")
    write(root, *TRACKED)
    git(root, "add", "--intent-to-add", ".")
    assert (root / ".git" / "index").read_bytes()[4:8] == b"\0\0\0\3"
    check(root)


def test_names_beyond_the_length_that_flags_hold(root: Path) -> None:
    git(root, "init", "-q")
    long = "/".join(["d" * 200] * 25)
    blob = subprocess.run(["git", "hash-object", "-w", "--stdin"], cwd=root, input=b"", capture_output=True, check=True)
    git(root, "update-index", "--add", "--cacheinfo", f"100644,{blob.stdout.decode().strip()},{long}")
    write(root, "e")
    git(root, "add", "e")
    assert is_tracked(root / "e")  # which stands behind it
    assert not is_tracked(root / "d")


def test_what_a_split_index_added_later(root: Path) -> None:
    git(root, "init", "-q")
    write(root, *TRACKED[:-1])
    git(root, "add", ".")
    git(root, "update-index", "--split-index")
    write(root, TRACKED[-1])
    git(root, "add", ".")
    check(root)


def test_worktree(root: Path, tmp_path: Path) -> None:
    git(root, "init", "-q")
    write(root, *TRACKED)
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "x")
    git(root, "worktree", "add", "-q", str(tmp_path / "tree"))
    check(tmp_path / "tree")


def test_a_repository_around_a_repository(root: Path) -> None:
    write(root, "inner/f", "inner/g")
    git(root, "init", "-q")
    git(root, "add", "inner/f")
    git(root / "inner", "init", "-q")
    assert is_tracked(root / "inner" / "f")
    assert not is_tracked(root / "inner" / "g")


def test_no_repository(tmp_path: Path) -> None:
    assert not is_tracked(tmp_path / "f")


@pytest.mark.parametrize("junk", [b"", b"DIRC", b"DIRC\0\0\0\4\xff\xff\xff\xff", b"DIRC\0\0\0\2\0\0\0\1", b"\0" * 999])
def test_junk_is_not_taken_for_an_answer(root: Path, junk: bytes) -> None:
    (root / ".git").mkdir()
    (root / ".git" / "index").write_bytes(junk + b"link f\0")
    with pytest.raises(UnreadableIndex):
        is_tracked(root / "f")
