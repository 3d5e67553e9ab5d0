"""Root → package repository that hosts of this root have mounted: downloaded packages and the lab's own.

It is a flat `file:` repository, since a host in its own network namespace reaches no mirror; cached by content.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.lab.cache import cached, content_key
from tests.lab.packages import Package, build_package, own_packages
from tests.lab.places import Places
from tests.lab.roots import Root


def repository(places: Places, root: Root) -> Path:
    """The folder with the packages and their index, made where it is not cached."""
    packages = own_packages()
    key = content_key([root.recipe.name, [asdict(package) for package in packages]])
    folder = places.repositories / f"{root.recipe.suite}-{key}"
    return cached(folder, lambda draft: _build(root.packages, packages, draft))


def _build(downloaded: Path, packages: Sequence[Package], draft: Path) -> None:
    for file in sorted(downloaded.iterdir()):
        os.link(file, draft / file.name)
    with tempfile.TemporaryDirectory() as scratch:
        for package in packages:
            build_package(package, draft, Path(scratch))
    (draft / "Packages").write_bytes(_index("packages", draft))
    (draft / "Release").write_bytes(_index("release", draft))


def _index(command: str, folder: Path) -> bytes:
    options = ("-o", "APT::FTPArchive::Release::Origin=aivp-lab")
    return subprocess.run(
        ["apt-ftparchive", *options, command, "."], cwd=folder, capture_output=True, check=True
    ).stdout
