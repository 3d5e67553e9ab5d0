"""Which package manager a host has, from files in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from aivp_host.packages.managers import package_manager
from aivp_sdk import Permanent

APT = ("usr/bin/apt-get", "var/lib/dpkg/status")
DNF = ("usr/bin/dnf", "var/lib/rpm/rpmdb.sqlite")


def host(root: Path, *files: str, release: str = "") -> Path:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/os-release").write_text(release)
    return root


@pytest.mark.parametrize(
    ("files", "release", "name"),
    [
        (APT, "ID=debian", "apt"),
        (DNF, 'ID=rocky\nID_LIKE="rhel centos fedora"', "dnf"),
        (("usr/bin/dnf", "usr/lib/sysimage/rpm/rpmdb.sqlite"), "ID=fedora", "dnf"),
        (APT + DNF, "ID=ubuntu\nID_LIKE=debian", "apt"),
        (APT + DNF, "", "apt"),
        (APT + DNF, "ID=fedora", "dnf"),
    ],
)
def test_the_one_that_keeps_the_packages(tmp_path: Path, files: tuple[str, ...], release: str, name: str) -> None:
    assert package_manager(host(tmp_path, *files, release=release)).name == name


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (("sbin/apk",), "this host's package manager is apk, which is not served yet"),
        (("opt/homebrew/bin/brew",), "this host's package manager is brew, which is not served yet"),
        (("usr/bin/dnf5", "usr/lib/sysimage/rpm/x"), "this host's package manager is dnf 5, which is not served yet"),
        (("usr/bin/dnf",), "this host has no package manager that aivp knows"),
        ((), "this host has no package manager that aivp knows"),
    ],
)
def test_the_others_are_named_as_missing(tmp_path: Path, files: tuple[str, ...], why: str) -> None:
    with pytest.raises(Permanent) as refused:
        package_manager(host(tmp_path, *files))
    assert refused.value.message == why
    assert "apt" in str(refused.value.mend)


def test_dnf_five_in_the_place_of_dnf(tmp_path: Path) -> None:
    host(tmp_path, "usr/bin/dnf5", "usr/lib/sysimage/rpm/x")
    (tmp_path / "usr/bin/dnf").symlink_to("dnf5")
    with pytest.raises(Permanent, match="dnf 5"):
        package_manager(tmp_path)
