"""What `difference` says of two snapshots."""

from __future__ import annotations

from tests.lab import Snapshot, difference
from tests.lab.snapshots import FileEntry, PackageEntry

FILE = FileEntry("file", "0644", 0, 0, 5, 1000, "aa")
BEFORE: Snapshot = {"/etc/motd": FILE, "package:hello": PackageEntry("2.10", "install ok installed")}


def test_equal_snapshots_differ_in_nothing() -> None:
    assert difference(BEFORE, dict(BEFORE)) == ()


def test_each_key_that_differs_has_one_line() -> None:
    after: Snapshot = {"/etc/motd": FILE._replace(mode="0600", mtime_ns=2000), "/etc/new": FILE}
    assert difference(BEFORE, after) == (
        "changed /etc/motd: mode 0644 → 0600, mtime_ns 1000 → 2000",
        "added /etc/new: file, 0644, 0, 0, 5, aa",
        "removed package:hello: 2.10, install ok installed",
    )


def test_patterns_are_ignored_and_times_can_be() -> None:
    after: Snapshot = {"/etc/motd": FILE._replace(mtime_ns=2000), "/etc/a/b": FILE}
    assert difference(BEFORE, after, ignore=("/etc/a*", "package:*"), times=False) == ()
