"""A Debian mirror of empty packages on this disk: enough for apt to choose from, signed by nobody."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from aivp_image.debian import GUEST

from tests.lab.packages import Package, build_package

KERNEL = "linux-image-cloud-amd64"


def packages(*others: Package) -> list[Package]:
    """What every image needs, in version 1, and `others`, which replace those of the same name."""
    found = {name: Package(name, "1", _fields(name)) for name in ("apt", "base-files", *GUEST, KERNEL)}
    found.update({package.name: package for package in others})
    return [found[name] for name in sorted(found)]


def publish(folder: Path, offered: Iterable[Package]) -> str:
    """Make the mirror anew; the line of sources.list that names it."""
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    with TemporaryDirectory() as scratch:
        for number, package in enumerate(offered):
            (place := Path(scratch) / str(number)).mkdir()
            build_package(package, folder, place)
    index = _ftparchive("packages", folder)
    (folder / "Packages").write_bytes(index)
    (folder / "Release").write_bytes(_ftparchive("release", folder))
    assert hashlib.sha256(index).hexdigest().encode() in (folder / "Release").read_bytes()
    return f"deb [trusted=yes] file:{folder} ./"


def _fields(name: str) -> tuple[tuple[str, str], ...]:
    essential = (("Essential", "yes"),) if name == "base-files" else ()
    return (*essential, ("Priority", "required" if name in ("base-files", "dbus") else "optional"))


def _ftparchive(command: str, folder: Path) -> bytes:
    return subprocess.run(["apt-ftparchive", command, "."], cwd=folder, capture_output=True, check=True).stdout
