"""Reading mountinfo, and the control groups that follow from it."""

from __future__ import annotations

from pathlib import Path

from tests.lab.cgroups import parents
from tests.lab.mounts import parse_mountinfo

HYBRID = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:26 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
31 22 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
32 22 0:28 / /mnt/with\\040space rw shared:5 master:1 - tmpfs tmpfs rw,size=4k
"""
UNIFIED = "30 22 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw,nsdelegate\n"


def test_optional_fields_and_escapes() -> None:
    last = parse_mountinfo(HYBRID)[-1]
    assert (last.point, last.kind, last.options) == (Path("/mnt/with space"), "tmpfs", frozenset({"rw", "size=4k"}))


def test_groups_of_a_hybrid_machine() -> None:
    memberships = ["9:name=systemd:/", "4:memory:/some/where", "0::/own"]
    expected = [Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified/own")]
    assert parents(memberships, parse_mountinfo(HYBRID)) == expected


def test_groups_in_a_mount_that_shows_a_part_of_the_hierarchy() -> None:
    mounted = parse_mountinfo(UNIFIED)
    assert parents(["0::/docker/abc/own"], mounted) == [Path("/sys/fs/cgroup/own")]
    assert parents(["0::/"], mounted) == [Path("/sys/fs/cgroup")]
    assert parents(["0::/docker/abc/../.."], mounted) == [Path("/sys/fs/cgroup")]
