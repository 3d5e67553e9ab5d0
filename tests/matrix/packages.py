"""Cases of `package`, the packages they need, and cases of `package_index`."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.lab.cache import cached, content_key
from tests.lab.packages import File, Package, build_package
from tests.lab.places import Places
from tests.matrix.case import Case, World

REPOSITORY = "/srv/packages"
_CONF = ("package:{n}", "/etc/{n}.conf*")
_INSTALL = f"dpkg -i {REPOSITORY}/${{n}}_%s_all.deb"
_ONE, _TWO = _INSTALL % "1.0", _INSTALL % "2.0"
_UNPACK = f"dpkg --unpack {REPOSITORY}/${{n}}_1.0_all.deb"
_HALF_INSTALLED = (
    f'{_ONE}; sed -i "/^Package: $n$/,/^$/s/^Status:.*/Status: install reinstreq half-installed/" /var/lib/dpkg/status'
)
_NEEDED = f"{_ONE}; dpkg -i {REPOSITORY}/${{n}}-user_1.0_all.deb"


def _form(form: str, declare: Mapping[str, Any], worlds: Mapping[World, str]) -> list[Case]:
    return [Case("package", form, world, declare, script, touches=_CONF) for world, script in worlds.items()]


_PACKAGES: tuple[Case, ...] = (
    *_form(
        "present",
        {},
        {"absent": "", "compliant": _ONE, "drifted": f"{_TWO}; dpkg -r $n", "half-applied": _UNPACK},
    ),
    Case("package", "present", "hostile", {"name": "m-virtual"}, "", "failed", "m-virtual", twist="virtual"),
    *_form(
        "version",
        {"version": "1.*", "allow_downgrade": True},
        {"absent": "", "compliant": _ONE, "drifted": _TWO, "half-applied": _HALF_INSTALLED},
    ),
    Case("package", "version", "hostile", {"version": "1.0"}, _TWO, "refused", "downgrade", twist="newer"),
    *_form(
        "hold",
        {"hold": True},
        {"absent": "", "compliant": f"{_ONE}; apt-mark hold $n", "drifted": _ONE, "half-applied": _UNPACK},
    ),
    Case(
        "package", "hold", "hostile", {"version": "2.0"}, f"{_ONE}; apt-mark hold $n", "refused", "hold", twist="others"
    ),
    *_form(
        "absent",
        {"state": "absent"},
        {"absent": "", "compliant": f"{_ONE}; dpkg -r $n", "drifted": _ONE, "half-applied": _UNPACK},
    ),
    Case("package", "absent", "hostile", {"state": "absent"}, _NEEDED, "failed", "-user", twist="needed", alone=True),
    *_form(
        "purged",
        {"state": "purged"},
        {"absent": "", "drifted": _ONE, "half-applied": f"{_ONE}; dpkg -r $n"},
    ),
)

_INDEX = {"manager": "apt", "max_age": "1d"}
_LISTS = ("/var/lib/apt/lists", "/var/lib/apt/lists/*")
_FRESH = "rm -f /etc/apt/sources.list.d/bad.list; apt-get update"

_INDEXES: tuple[Case, ...] = (
    *(
        Case("package_index", "lists", world, _INDEX, script, touches=_LISTS, alone=True)
        for world, script in {
            "absent": "rm -rf /var/lib/apt/lists/*",
            "compliant": _FRESH,
            "drifted": f"{_FRESH}; touch -d '2 days ago' /var/lib/apt/lists",
            "half-applied": f"{_FRESH}; echo half > /var/lib/apt/lists/partial/x; rm /var/lib/apt/lists/*_Packages",
        }.items()
    ),
    Case(
        "package_index",
        "lists",
        "hostile",
        _INDEX,
        "mkdir -p /srv/empty; echo 'deb file:/srv/empty x main' > /etc/apt/sources.list.d/bad.list",
        "failed",
        touches=_LISTS,
        alone=True,
    ),
)

CASES: tuple[Case, ...] = _PACKAGES + _INDEXES


def packages(places: Places) -> Path:
    """A folder with two versions of a package for each case, and their index; cached by content."""
    wanted = [_package(case.name, version) for case in _PACKAGES for version in ("1.0", "2.0")]
    wanted += [
        Package(f"{case.name}-user", "1.0", (("Depends", case.name),)) for case in _PACKAGES if case.twist == "needed"
    ]
    wanted += [Package("m-provider", "1.0", (("Provides", "m-virtual"),))]
    key = content_key([[package.name, package.version, list(package.fields)] for package in wanted])
    return cached(places.repositories / f"matrix-{key}", lambda draft: _build(wanted, draft))


def _package(name: str, version: str) -> Package:
    conf = f"/etc/{name}.conf"
    return Package(name, version, files=(File(conf, f"version = {version}\n"),), conffiles=(conf,))


def _build(wanted: list[Package], draft: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for package in wanted:
            build_package(package, draft, Path(scratch))
    for command, file in (("packages", "Packages"), ("release", "Release")):
        done = subprocess.run(["apt-ftparchive", command, "."], cwd=draft, capture_output=True, check=True)
        (draft / file).write_bytes(done.stdout)
