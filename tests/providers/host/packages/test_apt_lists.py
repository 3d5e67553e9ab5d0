"""The age of apt's lists, from files in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from aivp_host.packages import apt_lists

NOW = 1_700_000_000.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host whose lists are an hour old."""
    for folder in ("var/lib/apt/lists/partial", "var/lib/apt/periodic", "etc/apt/sources.list.d"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "var/lib/apt/lists/debian_Packages").touch()
    (tmp_path / "etc/apt/sources.list").touch()
    for path in ("etc/apt/sources.list", "etc/apt/sources.list.d"):
        os.utime(tmp_path / path, (NOW - 9000, NOW - 9000))
    os.utime(tmp_path / "var/lib/apt/lists", (NOW - 3600, NOW - 3600))
    return tmp_path


def touch(path: Path, ago: float) -> None:
    path.touch()
    os.utime(path, (NOW - ago, NOW - ago))


def test_age(root: Path) -> None:
    assert apt_lists.age(root, NOW) == 3600


def test_the_newest_stamp_counts(root: Path) -> None:
    touch(root / "var/lib/apt/periodic/update-success-stamp", 60)
    assert apt_lists.age(root, NOW) == 60


def test_no_lists_have_no_age(root: Path) -> None:
    (root / "var/lib/apt/lists/debian_Packages").unlink()
    (root / "var/lib/apt/lists/lock").touch()
    touch(root / "var/lib/apt/lists", 0)
    assert apt_lists.is_empty(root)
    assert apt_lists.age(root, NOW) is None


def test_a_newer_source_makes_them_worthless(root: Path) -> None:
    touch(root / "etc/apt/sources.list.d/new.sources", 60)
    os.utime(root / "etc/apt/sources.list.d", (NOW - 9000, NOW - 9000))
    assert apt_lists.age(root, NOW) is None


def test_a_clock_that_was_set_back_makes_them_worthless(root: Path) -> None:
    assert apt_lists.age(root, NOW - 9000 + 3600) is None
    assert apt_lists.age(root, NOW - 3600 - 10) == 0


def test_mark(root: Path) -> None:
    apt_lists.mark(root, succeeded=False)
    assert apt_lists.age(root, NOW) is None
    apt_lists.mark(root, succeeded=True)
    assert apt_lists.age(root, (root / "var/lib/apt/lists").stat().st_mtime + 5) == 5
