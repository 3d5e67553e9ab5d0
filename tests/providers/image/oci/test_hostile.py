"""Layers and layouts that mean harm: each is refused with a reason, and nothing of it remains, inside or outside."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from aivp_image.oci_layers import unpack
from aivp_image.oci_layout import Layout
from aivp_image.oci_tree import Limits
from aivp_sdk import Permanent

from tests.providers.image.oci.layouts import (
    END,
    GZIP,
    PLAIN,
    ZSTD,
    archived,
    entry,
    extended,
    folder,
    hard,
    header,
    image,
    layer,
    record,
    sparse,
    symlink,
)

SMALL = Limits(entries=200, size=4 * 1024 * 1024, depth=20, xattr=4096)


def refused(layout: Path, limits: Limits = SMALL) -> str:
    """What is said of it. Whatever it is: one error, and no file outside of the pool."""
    pool = layout.parent / "pool"
    before = {path: os.lstat(path).st_mtime_ns for path in layout.parent.parent.rglob("*")}
    with pytest.raises(Permanent) as caught, closing(Layout(str(layout))) as opened:
        unpack(opened, opened.manifest(None, None, os.uname().machine), pool, limits, lambda *_: None)
    for path in layout.parent.parent.rglob("*"):
        assert path in before or pool in (path, *path.parents)
    assert all(path.is_file() and path.name.isdigit() for path in pool.rglob("*"))
    assert "\n" not in caught.value.message
    return caught.value.message


LAYERS: dict[str, tuple[list[list[bytes]], str]] = {
    # Names that leave the image.
    "dotdot": ([[entry("../evil", b"x")]], "has `..` in it"),
    "dotdot inside": ([[entry("a/../../evil", b"x")]], "has `..` in it"),
    "dotdot that stays": ([[entry("a/../b", b"x")]], "has `..` in it"),
    "dotdot folder": ([[folder("a/..")]], "has `..` in it"),
    "absolute": ([[entry("/etc/passwd", b"x")]], "is an absolute name"),
    "absolute twice": ([[entry("//etc/passwd", b"x")]], "is an absolute name"),
    "absolute by pax": ([[entry("a", b"x", pax={"path": "/etc/passwd"})]], "is an absolute name"),
    "dotdot by pax": ([[entry("a", b"x", pax={"path": "../evil"})]], "has `..` in it"),
    "dotdot by prefix": ([[header(b"evil", b"0", prefix=b"..")]], "has `..` in it"),
    "nul by pax": ([[entry("a", b"x", pax={"path": b"a\0b"})]], "no name"),
    "newline shown": ([[entry("../a\nerror: all is well", b"x")]], r"../a\nerror"),
    "the root as a file": ([[entry("./", b"", kind=b"1", link="a")]], "the root itself is a hard link"),
    "the root as a link": ([[symlink(".", "/")]], "the root itself is a symlink"),
    # Symbolic links on the way.
    "through a link out": ([[symlink("a", "../.."), entry("a/evil", b"x")]], "out of the image"),
    "through a link out, next layer": ([[symlink("a", "../..")], [entry("a/evil", b"x")]], "out of the image"),
    "through two links": (
        [[symlink("a", "b/.."), symlink("b", "..")], [entry("a/x/evil", b"x")]],
        "out of the image",
    ),
    "through a loop": ([[symlink("a", "b"), symlink("b", "a")], [entry("a/evil", b"x")]], "without end"),
    "through itself": ([[symlink("a", "a")], [entry("a/evil", b"x")]], "without end"),
    "through links that grow": (
        [[folder("l9"), *(symlink(f"l{n}", f"/l{n + 1}/../l{n + 1}") for n in range(9))], [entry("l0/x", b"x")]],
        "without end",
    ),
    "beneath a file": ([[entry("a", b"x")], [entry("a/b", b"x")]], "lies beneath a, which is a file"),
    "empty symlink": ([[symlink("a", "")]], "symbolic link to nothing"),
    "whiteout through a link out": ([[symlink("a", "../..")], [entry("a/.wh.etc")]], "out of the image"),
    # Hard links.
    "hard link out": ([[hard("a", "../../etc/passwd")]], "has `..` in it"),
    "hard link absolute": ([[hard("a", "/etc/passwd")]], "absolute name"),
    "hard link to nothing": ([[hard("a", "b")]], "which is not there"),
    "hard link to nothing at all": ([[hard("a", "")]], "is a hard link to nothing"),
    "hard link to itself": ([[entry("a", b"x")], [hard("a", "a")]], "hard link to itself"),
    "hard link to a folder": ([[folder("a"), hard("b", "a")]], "hard link to the folder"),
    "hard link through a link out": ([[symlink("a", "../.."), hard("b", "a/etc/passwd")]], "out of the image"),
    "hard link through a missing one": ([[symlink("a", "/etc"), hard("b", "a/passwd")]], "which is not there"),
    "hard link with content": ([[entry("a", b"x"), hard("b", "a", size=512) + bytes(512)]], "512 bytes of content"),
    "hard link to what went": ([[entry("a", b"x")], [entry(".wh.a"), hard("b", "a")]], "which is not there"),
    # Devices.
    "disk": ([[entry("dev/sda", kind=b"4", major=8)]], "is a block device (8:0)"),
    "memory": ([[entry("dev/mem", kind=b"3", major=1, minor=1)]], "is a character device (1:1)"),
    "kvm": ([[entry("a", kind=b"3", major=10, minor=232)]], "is a character device (10:232)"),
    "overlay whiteout": ([[entry("a", kind=b"3")]], "whiteout of overlayfs"),
    "device with content": ([[entry("a", b"x", kind=b"3", major=1, minor=3)]], "bytes of content"),
    "null outside": ([[entry("../null", kind=b"3", major=1, minor=3)]], "has `..` in it"),
    # Whiteouts.
    "whiteout of nothing": ([[entry(".wh.")]], "whiteout of nothing"),
    "whiteout of itself": ([[entry(".wh..")]], "whiteout of nothing"),
    "whiteout of the parent": ([[folder("a"), entry("a/.wh...")]], "whiteout of nothing"),
    "whiteout of a whiteout": ([[entry(".wh..wh.x")]], "whiteout of nothing"),
    "whiteout with content": ([[entry(".wh.a", b"x")]], "not an empty file"),
    "whiteout as a link": ([[symlink(".wh.a", "/etc")]], "not an empty file"),
    "whiteout as a folder": ([[entry(".wh.a/b", b"x")]], "named as a whiteout"),
    "whiteout of the same layer": ([[entry("a", b"x"), entry(".wh.a")]], "what the same layer has made"),
    "whited out and back": ([[entry("a", b"x")], [entry(".wh.a"), entry("a", b"y")]], "both there and taken away"),
    # Twice.
    "a file twice": ([[entry("a", b"x"), entry("a", b"y")]], "in one layer twice"),
    "a file twice, spelled otherwise": ([[entry("a", b"x"), entry("./a", b"y")]], "in one layer twice"),
    "a file twice, through a link": (
        [[symlink("l", "d"), folder("d"), entry("d/a", b"x"), entry("l/a", b"y")]],
        "in one layer twice",
    ),
    "a folder becomes a link": ([[entry("a/b", b"x"), symlink("a", "/etc")]], "in one layer twice"),
    "a link becomes a folder": ([[symlink("a", "/etc"), folder("a")]], "in one layer twice"),
    # What readers of tar disagree about.
    "sparse": ([[sparse("a")]], "sparse file"),
    "sparse by pax": ([[entry("a", b"x", pax={"GNU.sparse.major": "1", "GNU.sparse.realsize": "1"})]], "sparse"),
    "multi-volume": ([[header(b"a", b"M")]], "none of an image's"),
    "global path": ([[extended({"path": b"evil"}, b"g"), entry("a", b"x")]], "a global header changes"),
    "name twice": (
        [[header(b"././@LongLink", b"L", size=4) + b"evil".ljust(512, b"\0"), entry("a", b"x", pax={"path": "b"})]],
        "two headers",
    ),
    "folder with content": ([[folder("a", size=512) + entry("evil", b"x")]], "bytes of content"),
    "negative size": ([[header(b"a", b"0", size=-512)]], "negative size"),
    "negative size by pax": ([[entry("a", pax={"size": "-1"})]], "negative size"),
    "huge size": ([[header(b"a", b"0", size=1 << 60)]], "hold more than"),
    "huge owner": ([[entry("a", uid=1 << 40)]], "no system can have"),
    "wrong checksum": ([[entry("a", b"x").replace(b"ustar", b"usta1")]], "wrong checksum"),
    "malformed pax": ([[header(b"p", b"x", size=4) + b"9 a=".ljust(512, b"\0")]], "malformed"),
    "pax without end": ([[header(b"p", b"x", size=2 * 1024 * 1024)]], "extended header has"),
    "header that extends nothing": ([[extended({"path": b"a"})]], "where an entry should follow"),
    "behind the end": ([[entry("a", b"x"), END, entry("evil", b"x")]], "something behind its end"),
    "xattrs": ([[entry("a", b"x", pax={"SCHILY.xattr.user.x": b"y" * 8192})]], "bytes of extended attributes"),
    # Too much.
    "too many": ([[entry(f"f{n}") for n in range(201)]], "more than 200 entries"),
    "too many over layers": (
        [[entry(f"f{n}") for n in range(150)], [entry(f"g{n}") for n in range(51)]],
        "200 entries",
    ),
    "too large": ([[entry("a", bytes(3 << 20)), entry("b", bytes(2 << 20))]], "hold more than"),
    "too deep": ([[entry("/".join("d" * 21), b"x")]], "deeper than 20 folders"),
    "too deep through links": (
        [[symlink("a", "/".join("d" * 15)), folder("/".join("d" * 15))], [entry("a/" + "/".join("e" * 15), b"x")]],
        "deeper than 20 folders",
    ),
    "too long": ([[entry("a" * 256, b"x")]], "more than 255 bytes"),
    "much too long": ([[entry("a/" * 2050 + "b", b"x")]], "more than 4096 bytes"),
    "not tar": ([[b"#!/bin/sh\n" * 100]], "no number for its checksum"),
    "cut off": ([[header(b"a", b"0", size=1024) + b"x" * 512]], "cut off"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_hostile_layer_is_refused(tmp_path: Path, name: str) -> None:
    layers, why = LAYERS[name]
    is_whole = name not in ("cut off", "not tar", "behind the end")
    data = [layer(*entries) if is_whole else b"".join(entries) for entries in layers]
    assert why in refused(image(tmp_path / "outer" / "layout", data, media_type=PLAIN))


def test_a_bomb_of_gzip_is_refused(tmp_path: Path) -> None:
    bomb = layer(*(entry(f"f{n}", bytes(1 << 20)) for n in range(100)))
    said = refused(image(tmp_path / "outer" / "layout", [bomb]), Limits())
    assert "which nothing does by itself" in said


def test_a_bomb_of_zstd_is_refused(tmp_path: Path) -> None:
    bomb = layer(*(entry(f"f{n}", bytes(1 << 20)) for n in range(100)))
    assert "which nothing does by itself" in refused(image(tmp_path / "o" / "l", [bomb], media_type=ZSTD), Limits())


def test_a_bomb_of_headers_is_refused(tmp_path: Path) -> None:
    bomb = layer(*(extended({f"comment{n}": b"x" * 500_000}) + entry(f"f{n}") for n in range(200)))
    assert "which nothing does by itself" in refused(image(tmp_path / "outer" / "layout", [bomb]), Limits())


def test_padding_without_end_is_refused(tmp_path: Path) -> None:
    bomb = layer(entry("a", b"x")) + bytes(100 << 20)
    assert "which nothing does by itself" in refused(image(tmp_path / "outer" / "layout", [bomb]), Limits())


PACKED: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "cut off gzip": (GZIP, lambda data: gzip.compress(data)[:-30], "cut off"),
    "damaged gzip": (GZIP, lambda data: gzip.compress(data)[:-8] + bytes(8), "incorrect data check"),
    "no gzip": (GZIP, bytes, "incorrect header check"),
    "garbage behind gzip": (GZIP, lambda data: gzip.compress(data) + b"evil", "incorrect header check"),
    "zlib": (GZIP, zlib.compress, "incorrect header check"),
    "no zstd": (ZSTD, bytes, "zstd stream is damaged"),
    "unknown packing": ("application/vnd.oci.image.layer.v1.tar+lz4", bytes, "which aivp cannot read"),
    "encrypted": ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", bytes, "which aivp cannot read"),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_damaged_layer_is_refused(tmp_path: Path, name: str) -> None:
    media_type, pack, why = PACKED[name]
    data = layer(entry("a", os.urandom(100_000)))
    assert why in refused(image(tmp_path / "outer" / "layout", [data], media_type=media_type, pack=pack))


def test_a_layer_that_is_another_one_is_refused(tmp_path: Path) -> None:
    layout = image(tmp_path / "outer" / "layout", [layer(entry("a", b"x"))], diff_ids=["sha256:" + "0" * 64])
    assert "something else than the image's config says" in refused(layout)


def _blob(layout: Path, media_type: str) -> Path:
    manifest = json.loads((layout / "index.json").read_text())["manifests"][0]
    found = manifest
    if media_type != "manifest":
        document = json.loads((layout / "blobs/sha256" / manifest["digest"][7:]).read_text())
        found = document["config"] if media_type == "config" else document["layers"][0]
    return layout / "blobs" / "sha256" / str(found["digest"][7:])


@pytest.mark.parametrize("which", ["manifest", "config", "layer"])
def test_a_blob_with_another_byte_is_refused(tmp_path: Path, which: str) -> None:
    layout = image(tmp_path / "outer" / "layout", [layer(entry("a", os.urandom(5000)))], media_type=PLAIN)
    path = _blob(layout, which)
    data = bytearray(path.read_bytes())
    data[1030 if which == "layer" else len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "another content" in refused(layout) or "something else" in refused_again(layout)


def refused_again(layout: Path) -> str:
    for path in (layout.parent / "pool").iterdir():
        path.unlink()
    (layout.parent / "pool").rmdir()
    return refused(layout)


@pytest.mark.parametrize("which", ["manifest", "config", "layer"])
def test_a_blob_of_another_size_is_refused(tmp_path: Path, which: str) -> None:
    layout = image(tmp_path / "outer" / "layout", [layer(entry("a", b"x"))])
    with _blob(layout, which).open("ab") as file:
        file.write(b" ")
    assert "and should have" in refused(layout)


def test_a_blob_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    layout = image(tmp_path / "outer" / "layout", [layer(entry("a", b"x"))])
    path = _blob(layout, "layer")
    path.rename(tmp_path / "outer" / "elsewhere")
    path.symlink_to(tmp_path / "outer" / "elsewhere")
    assert "lacks blobs/" in refused(layout)


def test_a_folder_of_blobs_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    layout = image(tmp_path / "outer" / "layout", [layer(entry("a", b"x"))])
    (layout / "blobs").rename(tmp_path / "outer" / "elsewhere")
    (layout / "blobs").symlink_to(tmp_path / "outer" / "elsewhere")
    assert "lacks blobs/" in refused(layout)


def test_a_blob_that_is_a_pipe_blocks_nobody(tmp_path: Path) -> None:
    layout = image(tmp_path / "outer" / "layout", [layer(entry("a", b"x"))])
    path = _blob(layout, "layer")
    path.unlink()
    os.mkfifo(path)
    assert "is no file" in refused(layout)


DOCUMENTS: dict[str, tuple[str, object, str]] = {
    "not json": ("index.json", None, "no JSON object"),
    "nested without end": ("index.json", "[" * 100_000, "no JSON object"),
    "no list": ("index.json", {"manifests": {}}, "no list of manifests"),
    "digest as a path": (
        "index.json",
        {"manifests": [{"mediaType": "x", "digest": "sha256:../../../etc/passwd", "size": 1}]},
        "without a type, a digest or a size",
    ),
    "digest of another algorithm": (
        "index.json",
        {"manifests": [{"mediaType": "x", "digest": "md5:" + "0" * 32, "size": 1}]},
        "without a type, a digest or a size",
    ),
    "negative size": (
        "index.json",
        {"manifests": [{"mediaType": "x", "digest": "sha256:" + "0" * 64, "size": -1}]},
        "without a type, a digest or a size",
    ),
    "too large": ("index.json", " " * (5 << 20), "has 5242880 bytes"),
    "another version": ("oci-layout", {"imageLayoutVersion": "2.0.0"}, "another version"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_malformed_document_is_refused(tmp_path: Path, name: str) -> None:
    file, content, why = DOCUMENTS[name]
    layout = image(tmp_path / "outer" / "layout", [layer(entry("a", b"x"))])
    (layout / file).write_text(content if isinstance(content, str) else json.dumps(content))
    assert why in refused(layout)


def test_an_index_that_leads_to_itself_ends(tmp_path: Path) -> None:
    layout = image(tmp_path / "outer" / "layout", [layer(entry("a", b"x"))])
    index = "application/vnd.oci.image.index.v1+json"
    inner = json.loads((layout / "index.json").read_text())["manifests"][0]
    for _ in range(5):
        data = json.dumps({"schemaVersion": 2, "manifests": [inner]}).encode()
        digest = hashlib.sha256(data).hexdigest()
        (layout / "blobs/sha256" / digest).write_bytes(data)
        inner = {"mediaType": index, "digest": f"sha256:{digest}", "size": len(data)}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [inner]}))
    assert "without end" in refused(layout)


def test_an_archive_with_a_blob_twice_is_refused(tmp_path: Path) -> None:
    archive = archived(image(tmp_path / "outer" / "layout", [layer(entry("a", b"x"))]))
    data = archive.read_bytes().rstrip(b"\0")
    data += bytes(-len(data) % 512)
    archive.write_bytes(data + entry("index.json", b"{}") + END)
    assert "is in it twice" in refused(archive)


def test_an_archive_that_is_packed_is_refused(tmp_path: Path) -> None:
    archive = archived(image(tmp_path / "outer" / "layout", [layer(entry("a", b"x"))]))
    archive.write_bytes(gzip.compress(archive.read_bytes()))
    assert "no archive of an OCI image layout" in refused(archive)


def test_records_of_pax_count_their_own_length() -> None:
    assert record("path", b"x" * 100).startswith(b"110 path=")
