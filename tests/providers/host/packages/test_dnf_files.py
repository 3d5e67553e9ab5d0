"""dnf's repositories, the age of its lists and its locks, from files in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from aivp_host.packages import dnf_files
from aivp_host.packages.rpm_output import Rpm

NOW = 1_700_000_000.0
PROBE = Rpm("probe", "0", "1.0", "1", "noarch")


def put(path: Path, text: str = "", ago: float = 9000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (NOW - ago, NOW - ago))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two repositories, one hour and half an hour old, and one that is off."""
    put(tmp_path / "etc/dnf/dnf.conf", "[main]\ngpgcheck=1\n")
    put(tmp_path / "etc/yum.repos.d/a.repo", "[base]\nname=Base\n\n[extra]\nenabled=1\npriority=10\n")
    put(tmp_path / "etc/yum.repos.d/b.repo", "[off]\nenabled = 0\nbaseurl=http://x/%(y)s\n")
    put(tmp_path / "var/cache/dnf/base-0123/repodata/1-primary.xml.gz", ago=3600)
    put(tmp_path / "var/cache/dnf/extra-0123/repodata/primary.xml.zst", ago=1800)
    os.utime(tmp_path / "etc/yum.repos.d", (NOW - 9000, NOW - 9000))
    return tmp_path


def test_repositories(root: Path) -> None:
    assert dnf_files.repositories(root) == [dnf_files.Repository("base", 99), dnf_files.Repository("extra", 10)]


def test_the_oldest_list_counts(root: Path) -> None:
    assert dnf_files.age(root, NOW) == 3600


def test_no_age_without_a_list_or_with_a_newer_source(root: Path) -> None:
    put(root / "etc/yum.repos.d/a.repo", (root / "etc/yum.repos.d/a.repo").read_text(), ago=60)
    assert dnf_files.age(root, NOW) is None
    put(root / "etc/yum.repos.d/a.repo", "[base]\n[new]\n")
    assert dnf_files.age(root, NOW) is None


def test_no_age_from_the_future(root: Path) -> None:
    put(root / "var/cache/dnf/base-0123/repodata/1-primary.xml.gz", ago=-3600)
    assert dnf_files.age(root, NOW) is None


def test_another_folder_for_the_lists(root: Path) -> None:
    (root / "var/cache/dnf").rename(root / "srv")
    assert dnf_files.age(root, NOW) is None
    put(root / "etc/dnf/dnf.conf", "[main]\ncachedir=/srv\n")
    assert dnf_files.age(root, NOW) == 3600


def test_a_broken_file_is_no_source(root: Path) -> None:
    put(root / "etc/yum.repos.d/c.repo", "no section\n\xff")
    assert [each.id for each in dnf_files.repositories(root)] == ["base", "extra"]


def test_locks(root: Path) -> None:
    assert dnf_files.lock_list(root) is None
    assert dnf_files.locks(root) == []
    put(root / "etc/dnf/plugins/versionlock.conf", "[main]\nenabled = 1\nlocklist = /etc/locks\n")
    assert dnf_files.locks(root) == []
    put(root / "etc/locks", "\n# Added lock on Sat\nprobe-0:1.0-1.*\n!other-0:1-1.*\n")
    assert dnf_files.locks(root) == ["probe-0:1.0-1.*"]
    put(root / "etc/dnf/plugins/versionlock.conf", "[main]\nenabled = 0\n")
    assert dnf_files.lock_list(root) is None


@pytest.mark.parametrize("pattern", ["probe-0:1.0-1.*", "probe-1.0", "probe-*", "probe-0:1.0-1.noarch"])
def test_a_lock_of_what_is_installed(pattern: str) -> None:
    assert dnf_files.is_locked(PROBE, ["other-1", pattern])


@pytest.mark.parametrize("pattern", ["probe-0:2.0-1.*", "probe-extra-*", "probe2-1.0"])
def test_a_lock_of_something_else(pattern: str) -> None:
    assert not dnf_files.is_locked(PROBE, [pattern])


def test_a_lock_file_of_the_dead_holds_nothing(root: Path) -> None:
    assert dnf_files.lock_holder(root) is None
    put(root / dnf_files.LOCKS[-1], "4194305")
    assert dnf_files.lock_holder(root) is None
    put(root / dnf_files.LOCKS[0], f"{os.getpid()}")
    assert dnf_files.lock_holder(root) == os.getpid()
