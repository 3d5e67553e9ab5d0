"""Whoever unpacks a stream trusts nothing in it: what leads out, lies about its size or is cut off is refused."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from aivp_guest.entries import BadEntry, unpack


def _stream(*entries: dict[str, Any] | bytes, end: bytes = bytes(4)) -> io.BytesIO:
    parts = []
    for entry in entries:
        if isinstance(entry, dict):
            text = json.dumps({"mode": 0o644, "mtime": 0, **entry}).encode()
            parts.append(struct.pack(">I", len(text)) + text)
        else:
            parts.append(entry)
    return io.BytesIO(b"".join(parts) + end)


_TOP = {"path": ".", "type": "folder", "mode": 0o755}


@pytest.mark.parametrize("path", ["../out", "/out", "a/../../out", "", "a//b", "./a", "a\0b"])
def test_name_that_leads_out(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadEntry):
        unpack(_stream(_TOP, {"path": path, "type": "file", "size": 0}), str(tmp_path / "in"))
    assert not (tmp_path / "out").exists()


def test_link_is_never_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    link = {"path": "way", "type": "link", "target": "../out"}
    with pytest.raises(OSError, match="way"):
        unpack(_stream(_TOP, link, {"path": "way/file", "type": "file", "size": 1}, b"x"), str(tmp_path / "in"))
    with pytest.raises(OSError, match="way"):
        unpack(_stream(_TOP, link, {"path": "way", "type": "folder"}), str(tmp_path / "in"))
    assert list((tmp_path / "out").iterdir()) == []


def test_file_takes_the_place_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("other")
    (tmp_path / "file").symlink_to("other")
    unpack(_stream({"path": ".", "type": "file", "size": 3}, b"new"), str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "new"
    assert (tmp_path / "other").read_text() == "other"


@pytest.mark.parametrize(
    "bad",
    [
        {"path": "x", "type": "device"},
        {"path": "x", "type": "file"},
        {"path": "x", "type": "file", "size": -1},
        {"path": "x", "type": "file", "size": "1"},
        {"path": "x", "type": "file", "size": 1, "mode": "rw"},
        {"path": 7, "type": "file"},
        {"path": "x"},
        struct.pack(">I", 1 << 30),
        struct.pack(">I", 3) + b"abc",
        struct.pack(">I", 2) + b"[]",
    ],
)
def test_header_that_is_none(tmp_path: Path, bad: dict[str, Any] | bytes) -> None:
    with pytest.raises(BadEntry):
        unpack(_stream(_TOP, bad), str(tmp_path / "in"))


def test_stream_that_is_cut_off_leaves_no_half_file(tmp_path: Path) -> None:
    with pytest.raises(BadEntry):
        unpack(_stream(_TOP, {"path": "x", "type": "file", "size": 10}, b"12345", end=b""), str(tmp_path / "in"))
    with pytest.raises(BadEntry):
        unpack(_stream(_TOP, end=b""), str(tmp_path / "in"))
    assert list((tmp_path / "in").iterdir()) == []


def test_limit_is_of_all_files_together(tmp_path: Path) -> None:
    files = [part for name in "abc" for part in ({"path": name, "type": "file", "size": 4}, b"1234")]
    with pytest.raises(BadEntry):
        unpack(_stream(_TOP, *files), str(tmp_path / "in"), limit=10)
    assert unpack(_stream(_TOP, *files), str(tmp_path / "all"), limit=12) == []
