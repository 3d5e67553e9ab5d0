"""Which image of a layout is taken: by tag, by digest, as the only one, for this host's architecture."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aivp_image.oci_layout import Layout, Manifest
from aivp_sdk import Permanent

from tests.providers.image.oci.layouts import ARCHITECTURE, entry, image, layer, put

INDEX = "application/vnd.oci.image.index.v1+json"


def chosen(layout: Path, tag: str | None = None, digest: str | None = None, machine: str = "x86_64") -> Manifest:
    with closing(Layout(str(layout))) as opened:
        return opened.manifest(tag, digest, machine)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    image(tmp_path / "l", [layer(entry("a", b"1"))], tag="one", config={"architecture": "amd64"})
    return image(tmp_path / "l", [layer(entry("a", b"2"))], tag="two", config={"architecture": "amd64"})


def test_by_tag(two: Path) -> None:
    assert chosen(two, "one").digest != chosen(two, "two").digest


def test_by_digest_with_or_without_its_algorithm(two: Path) -> None:
    digest = chosen(two, "two").digest
    assert chosen(two, None, digest).digest == chosen(two, None, digest[7:]).digest == digest


def test_a_tag_that_moved_is_not_the_digest(two: Path) -> None:
    with pytest.raises(Permanent, match="has no image with the digest"):
        chosen(two, "one", chosen(two, "two").digest)


def test_which_of_them_is_to_be_said(two: Path) -> None:
    with pytest.raises(Permanent, match="no tag, and there is not exactly one") as caught:
        chosen(two)
    assert caught.value.mend == "Name one of them with `tag`. It has: one, two."
    with pytest.raises(Permanent, match="the tag three"):
        chosen(two, "three")


def test_the_only_one_needs_no_tag(tmp_path: Path) -> None:
    layout = image(tmp_path / "l", [layer(entry("a"))], tag=None, config={"architecture": "amd64"})
    assert chosen(layout).digest.startswith("sha256:")


def indexed(layout: Path, platforms: list[dict[str, str]]) -> None:
    """Put an index of all manifests, each for a platform, in the place of them."""
    index = json.loads((layout / "index.json").read_text())["manifests"]
    for item, platform in zip(index, platforms, strict=True):
        item["platform"] = platform
        item.pop("annotations", None)
    blobs = layout / "blobs" / "sha256"
    entry: dict[str, Any] = put(blobs, json.dumps({"schemaVersion": 2, "manifests": index}).encode(), INDEX)
    entry["annotations"] = {"org.opencontainers.image.ref.name": "all"}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))


def test_the_one_for_this_architecture(tmp_path: Path) -> None:
    for number, name in enumerate(("arm64", "amd64", "unknown")):
        image(tmp_path / "l", [layer(entry(str(number)))], tag=name, config={"architecture": name})
    layout = tmp_path / "l"
    indexed(layout, [{"os": "linux", "architecture": name} for name in ("arm64", "amd64", "unknown")])
    assert chosen(layout, "all").architecture == "x86_64"
    assert chosen(layout, "all", machine="aarch64").architecture == "aarch64"
    assert chosen(layout, None, chosen(layout).digest).architecture == "x86_64"
    with pytest.raises(Permanent, match="no variant for linux on riscv64; it has linux/amd64, linux/arm64"):
        chosen(layout, machine="riscv64")


def test_another_architecture_behind_no_index(tmp_path: Path) -> None:
    layout = image(tmp_path / "l", [layer(entry("a"))], config={"architecture": "s390x"})
    with pytest.raises(Permanent, match="is for linux on s390x"):
        chosen(layout)


def test_another_system(tmp_path: Path) -> None:
    layout = image(tmp_path / "l", [layer(entry("a"))], config={"os": "windows", "architecture": ARCHITECTURE})
    with pytest.raises(Permanent, match="is for windows"):
        chosen(layout)


def test_one_digest_for_each_layer(tmp_path: Path) -> None:
    layout = image(tmp_path / "l", [layer(entry("a"))], diff_ids=[], config={"architecture": "amd64"})
    with pytest.raises(Permanent, match="one digest for each of its layers"):
        chosen(layout)


def test_what_is_no_layout(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="cannot be opened: No such file"):
        chosen(tmp_path / "missing")
    with pytest.raises(Permanent, match="is no OCI image layout") as caught:
        chosen(tmp_path)
    assert "skopeo copy" in (caught.value.mend or "")
    (tmp_path / "text").write_text("hello\n" * 200)
    with pytest.raises(Permanent, match="no archive of an OCI image layout"):
        chosen(tmp_path / "text")


def test_manifests_digest_is_what_its_bytes_say(tmp_path: Path) -> None:
    layout = image(tmp_path / "l", [layer(entry("a"))], config={"architecture": "amd64"})
    digest = chosen(layout).digest
    data = (layout / "blobs/sha256" / digest[7:]).read_bytes()
    assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
