"""What is in the wheels and source archives: all that is needed, nothing that is not, and metadata that holds."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import BytesParser
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from tests.packaging.conftest import ROOT

OURS = (
    "aivp",
    "aivp_conformance",
    "aivp_contract",
    "aivp_guest",
    "aivp_provider_host",
    "aivp_provider_image",
    "aivp_provider_network",
    "aivp_provider_vm",
    "aivp_runner",
    "aivp_sdk",
)
MODULES = {
    "aivp": "aivp",
    "aivp_conformance": "conformance/aivp_conformance",
    "aivp_contract": "providers/contract/aivp_contract",
    "aivp_guest": "providers/guest/aivp_guest",
    "aivp_provider_host": "providers/host/aivp_host",
    "aivp_provider_image": "providers/image/aivp_image",
    "aivp_provider_network": "providers/network/aivp_network",
    "aivp_provider_vm": "providers/vm/aivp_vm",
    "aivp_runner": "providers/runner/aivp_runner",
    "aivp_sdk": "providers/sdk/aivp_sdk",
}


def wheel(folder: Path, name: str) -> Path:
    (found,) = folder.glob(f"{name}-*.whl")
    return found


@pytest.mark.parametrize("name", OURS)
def test_a_wheel_holds_its_package_and_nothing_else(dist: Path, name: str) -> None:
    source = ROOT / MODULES[name]
    wanted = {
        path.relative_to(source.parent).as_posix(): path.read_bytes()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel(dist, name)) as archive:
        found = {item.filename: archive.read(item) for item in archive.infolist() if not item.is_dir()}
    described = {path for path in found if path.split("/")[0].endswith(".dist-info")}
    if name == "aivp":
        assert len(found.pop("aivp/commit.txt").strip(b"+\n")) == 40
    assert {path: found[path] for path in found.keys() - described} == wanted
    assert f"{source.name}/py.typed" in found
    assert {path.split("/", 1)[1] for path in described} <= {
        "METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"
    }  # fmt: skip
    assert not [path for path in found if "/tests/" in path and not path.endswith(".tmpl")]


@pytest.mark.parametrize("name", [*OURS, "aivp_cue"])
def test_metadata_is_whole(dist: Path, name: str) -> None:
    """As an index checks it: every field known and lawful, a description that can be shown, licences that are there."""
    if name == "aivp_cue" and not list(dist.glob("aivp_cue-*")):
        pytest.skip("no go here: the wheel of cue was not built")
    path = wheel(dist, name)
    with zipfile.ZipFile(path) as archive:
        (place,) = (item for item in archive.namelist() if item.endswith(".dist-info/METADATA"))
        data = archive.read(place)
        names = set(archive.namelist())
    found = Metadata.from_email(data, validate=True)
    assert found.summary
    assert found.description
    assert found.description_content_type == "text/markdown"
    assert found.license_expression
    assert found.requires_python is not None
    assert found.classifiers
    assert {f"{place.rpartition('/')[0]}/licenses/{item}" for item in found.license_files or ()} <= names
    distribution, version, _, _ = parse_wheel_filename(path.name)
    assert (distribution, version) == (found.name.replace("_", "-"), found.version)
    for item in found.requires_dist or ():
        if item.name.startswith("aivp-") and item.name != "aivp-cue":
            assert str(item.specifier) == f"=={version}", "parts of aivp are released together"


@pytest.mark.parametrize("name", OURS)
def test_a_source_archive_builds_what_the_wheel_was_built_from(dist: Path, name: str) -> None:
    (path,) = dist.glob(f"{name}-*.tar.gz")
    parse_sdist_filename(path.name)
    with tarfile.open(path) as archive:
        found = {item.name.partition("/")[2]: item for item in archive.getmembers() if item.isfile()}
        described = BytesParser().parse(archive.extractfile(found["PKG-INFO"]))  # type: ignore[arg-type]
    assert described["Name"].replace("-", "_") == name
    with zipfile.ZipFile(wheel(dist, name)) as archive_:
        inside = {item for item in archive_.namelist() if not item.endswith("/") and ".dist-info/" not in item}
    assert inside | {"PKG-INFO", "pyproject.toml", "LICENSE", "README.md"} <= found.keys()
    assert not [item for item in found if item.endswith(".pyc")]


def test_nobody_else_may_write_what_is_installed(dist: Path) -> None:
    for path in sorted(dist.glob("*.whl")):
        for item, mode in _modes(path):
            assert not mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID), f"{path.name}: {item}"


def _modes(path: Path) -> Iterator[tuple[str, int]]:
    with zipfile.ZipFile(path) as archive:
        for item in archive.infolist():
            yield item.filename, item.external_attr >> 16
