"""`debian` up to the build: what apt resolves, what a plan says of a changed mirror, and what is refused.

The mirror is a folder with empty packages; building a root of real ones is `test_debian_build.py`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aivp_image import debian
from aivp_image.debian import MAKER, PACKAGES
from aivp_image.declaration import Image
from aivp_image.kind import ImageKind
from aivp_image.names import Named, Names
from aivp_image.recipe import Before
from aivp_image.record import Content
from aivp_image.store import digest_of
from aivp_image.workshop import Workshop
from aivp_sdk import Permanent, Provider, Temporary
from aivp_sdk.process import Session
from aivp_sdk.schema import load
from aivp_sdk.testing import Harness

from tests.lab.packages import Package
from tests.providers.image.mirror import packages, publish

pytestmark = pytest.mark.skipif(not shutil.which("apt-ftparchive"), reason="apt-ftparchive is not installed")


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "shop", Session(None))


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def image(mirror: Path, offered: list[Package] | None = None, **fields: Any) -> Image:
    """A declaration with the mirror as its only source."""
    line = publish(mirror, packages() if offered is None else offered)
    declared = {"suite": "any", "mirror": "", "sources": [line], "helper": False, "architecture": "amd64"}
    inner = {**declared, **fields.pop("debian", {})}
    found = load(Image, {"name": "base", "debian": inner, **fields})
    assert isinstance(found, Image)
    return found


def versions(desired: Image, workshop: Workshop) -> dict[str, str]:
    parts: Any = MAKER.prepare(desired, None, workshop).parts
    return {name: version for name, version, _, _ in parts["packages"]}


def made(desired: Image, workshop: Workshop, folder: Path) -> Before:
    """An image in place, as if it had been built from what the mirror has now."""
    recipe = MAKER.prepare(desired, None, workshop)
    parts: Any = recipe.parts
    folder.mkdir()
    (folder / PACKAGES).write_text(json.dumps(parts["packages"]))
    return Before(folder, recipe.shown)


def test_what_a_guest_needs_is_there_with_hashes(mirror: Path, workshop: Workshop) -> None:
    recipe = MAKER.prepare(image(mirror), None, workshop)
    parts: Any = recipe.parts
    found = {name: (version, digest) for name, version, _, digest in parts["packages"]}
    assert {"python3", "systemd-sysv", "busybox-static", "base-files", "dbus", "apt"} <= set(found)
    assert all(digest.startswith("SHA256:") for _, digest in found.values())


def test_the_digest_follows_the_packages_and_nothing_else(mirror: Path, workshop: Workshop) -> None:
    parts = [MAKER.prepare(image(mirror), None, workshop).parts for _ in range(2)]
    newer = [Package("python3", "2", (("Priority", "optional"),))]
    changed = MAKER.prepare(image(mirror, packages(*newer)), None, workshop).parts
    assert digest_of(parts[0]) == digest_of(parts[1]) != digest_of(changed)


def test_kept_by_default(mirror: Path, workshop: Workshop, tmp_path: Path) -> None:
    before = made(image(mirror), workshop, tmp_path / "image")
    desired = image(mirror, packages(Package("python3", "2")))
    shutil.rmtree(mirror)
    assert MAKER.foresee(desired, before, workshop).shown == before.shown


def test_a_changed_mirror_is_shown_package_by_package(mirror: Path, workshop: Workshop, tmp_path: Path) -> None:
    before = made(image(mirror), workshop, tmp_path / "image")
    desired = image(mirror, packages(Package("python3", "2"), Package("udev", "1.1")), upgrades="follow")
    shown = MAKER.foresee(desired, before, workshop).shown
    assert shown["versions"] == {"python3": "2", "udev": "1.1"}
    after = made(desired, workshop, tmp_path / "next")
    again = Before(after.folder, MAKER.prepare(desired, before, workshop).shown)
    assert again.shown == shown
    assert MAKER.foresee(desired, again, workshop).shown == shown, "once made, there is nothing more to say"
    kept = replace(desired, upgrades="keep")
    assert MAKER.foresee(kept, again, workshop).shown == shown, "what was followed is kept"


def test_newer_packages_are_told(
    mirror: Path, workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = made(image(mirror), workshop, tmp_path / "image")
    desired = image(mirror, packages(Package("python3", "2")), upgrades="tell")
    assert MAKER.foresee(desired, before, workshop).shown == before.shown
    assert "newer packages are there: python3 1 → 2; `upgrades: follow` takes them" in capsys.readouterr().err
    shutil.rmtree(mirror)
    assert MAKER.foresee(desired, before, workshop).shown == before.shown
    assert "whether newer packages are there is unknown" in capsys.readouterr().err


def test_an_exact_version_is_taken(mirror: Path, workshop: Workshop) -> None:
    offered = packages()
    desired = image(mirror, [*offered, Package("python3", "3")], debian={"versions": {"python3": "1"}})
    assert versions(desired, workshop)["python3"] == "1"


def test_sudo_comes_with_who_may_use_it(mirror: Path, workshop: Workshop) -> None:
    desired = image(mirror, packages(Package("sudo", "1")), debian={"users": [{"name": "ann", "sudo": True}]})
    assert versions(desired, workshop)["sudo"] == "1"


def test_an_unknown_package_is_told(mirror: Path, workshop: Workshop) -> None:
    with pytest.raises(Permanent, match="Unable to locate package nginxx") as told:
        MAKER.prepare(image(mirror, debian={"packages": ["nginxx"]}), None, workshop)
    assert told.value.path == "/debian/packages"


def test_packages_that_cannot_be_together_are_told(mirror: Path, workshop: Workshop) -> None:
    offered = packages(Package("one", "1", (("Depends", "two"),)))
    with pytest.raises(Permanent, match="one : Depends: two") as told:
        MAKER.prepare(image(mirror, offered, debian={"packages": ["one"]}), None, workshop)
    assert told.value.path == "/debian/packages"


def test_a_mirror_that_is_not_there_is_told(mirror: Path, workshop: Workshop) -> None:
    desired = image(mirror)
    shutil.rmtree(mirror)
    with pytest.raises(Temporary) as told:
        MAKER.prepare(desired, None, workshop)
    assert told.value.path == "/debian/mirror"


def test_a_mirror_that_nobody_signed_is_refused(mirror: Path, workshop: Workshop) -> None:
    desired = image(mirror)
    assert desired.debian is not None
    line = f"deb file:{mirror} ./"
    with pytest.raises(Temporary, match="not signed") as told:
        MAKER.prepare(replace(desired, debian=replace(desired.debian, sources=[line])), None, workshop)
    assert told.value.mend is not None
    assert "keyring" in told.value.mend


def test_what_is_fetched_is_checked_and_kept(mirror: Path, workshop: Workshop) -> None:
    desired = image(mirror)
    assert desired.debian is not None
    apt = debian.Apt(debian._sources(desired.debian), workshop)
    found = debian._resolved(desired, workshop)
    apt.fetch(found)
    shutil.rmtree(mirror)
    apt.fetch(found)
    assert sorted(file.name for file in apt.archives.glob("*.deb")) == sorted(package.file for package in found)
    assert apt.stanzas(found).count(b"Package: ") == len(found)


def test_a_file_that_changes_on_the_host_is_shown(mirror: Path, workshop: Workshop, tmp_path: Path) -> None:
    source = tmp_path / "motd"
    source.write_text("one")
    desired = image(mirror, debian={"files": [{"path": "/etc/motd", "source": str(source)}]})
    before = made(desired, workshop, tmp_path / "image")
    assert MAKER.foresee(desired, before, workshop).shown == before.shown
    source.write_text("two")
    assert MAKER.foresee(desired, before, workshop).shown != before.shown


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        ({"files": [{"path": "/x", "content": "a", "link": "b"}]}, "more than one content"),
        ({"hooks": [{}]}, "either argv or shell"),
        ({"users": [{"name": "ann", "password": "open sesame"}]}, "not the hash of a password"),
        ({"users": [{"name": "ann", "groups": ["a; rm -r /"]}]}, "cannot be the name of a group"),
        ({"sources": None}, "neither a mirror nor other sources"),
    ],
)
def test_what_cannot_be_is_refused(mirror: Path, inner: dict[str, Any], words: str) -> None:
    with pytest.raises(Permanent, match=words):
        MAKER.check(image(mirror, debian=inner))


def test_a_secret_is_kept_off_every_argv(mirror: Path, workshop: Workshop) -> None:
    workshop.session.secrets = ["sesame"]
    desired = image(mirror, debian={"hooks": [{"argv": ["login", "--with=sesame"]}]})
    with pytest.raises(Permanent, match="a secret would be in an argv"):
        MAKER.foresee(desired, None, workshop)


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    provider = Provider("image", "0", [ImageKind()])
    with Harness(provider) as found:
        yield found


def test_an_image_whose_files_were_changed_is_made_again(harness: Harness, mirror: Path) -> None:
    config = {"name": "base", "debian": {"suite": "any", "mirror": "", "sources": [publish(mirror, packages())]}}
    shop = Workshop(harness.directory, Session(None))

    def build(draft: Path) -> Content:
        (draft / "disk.raw").write_bytes(b"disk")
        return Content(architecture="x86_64", disk="disk.raw", disk_format="raw", disk_size=4)

    assert harness.plan("image", config).action == "create"
    digest = digest_of("any")
    folder = shop.store.take(digest, build)
    shown = config["debian"]
    fields = {"name": "base", "debian": shown, "modules": [], "cmdline": [], "boot": "kernel", "upgrades": "keep"}
    Names(shop.folder / "names").write("base", Named(digest, fields, dict(shown)))
    assert harness.plan("image", config).action == "no-op"
    assert harness.plan("image", {**config, "cmdline": ["quiet"]}).action == "update"
    told = {**config, "upgrades": "tell"}
    assert harness.update("image", told).outputs["path"] == str(folder), "how it is kept makes no other image"
    assert harness.plan("image", told).action == "no-op"
    (folder / "disk.raw").chmod(0o644)
    (folder / "disk.raw").write_bytes(b"disc")
    assert harness.plan("image", config).action == "create"
    harness.delete("image", config)
    assert not {"cache", "names", "store"}.intersection(os.listdir(shop.folder)), "nothing is left of it"
