"""Bundles: the same bytes for the same plan, read back in place; whatever is not exactly such a file is refused."""

from __future__ import annotations

import hashlib
import io
import os
import random
import resource
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from aivp_contract.values import Blob

from aivp.blobs import bundle
from aivp.blobs.contents import Contents, Lost, Reading
from aivp.blobs.origin import ProjectFiles
from aivp.blobs.sources import Sources
from aivp.diagnostics import Refused, Span

TEXTS = random.Random(1).randbytes(3_000_000), b"y" * 70_000
PLAN, MAP = b'{"plan": 1}', b"{}"


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    sources, paths, blobs = Sources(tmp_path), {}, {}
    for index, data in enumerate(TEXTS):
        (tmp_path / f"f{index}").write_bytes(data)
        blob = sources.load(f"f{index}", Span("", 0, 0))
        assert isinstance(blob, Blob)
        blobs[blob.sha256], paths[blob.sha256] = blob, [f"f{index}"]
    return Contents(blobs, ProjectFiles(sources, paths))


@pytest.fixture
def made(contents: Contents) -> bytes:
    buffer = io.BytesIO()
    bundle.write(buffer, PLAN, MAP, contents)
    return buffer.getvalue()


def test_a_bundle_is_a_plain_tar_with_the_same_bytes_each_time(contents: Contents, made: bytes) -> None:
    again = io.BytesIO()
    bundle.write(again, PLAN, MAP, contents)
    assert again.getvalue() == made
    with tarfile.open(fileobj=io.BytesIO(made)) as tar:
        members = {member.name: tar.extractfile(member) for member in tar}
        found = {name: file.read() for name, file in members.items() if file is not None}
    expected = {f"blobs/{hashlib.sha256(data).hexdigest()}": data for data in TEXTS}
    assert found == {"plan.json": PLAN, "plan.json.map": MAP, **expected}


def test_its_blobs_are_read_in_place_and_checked(contents: Contents, made: bytes, tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    path.write_bytes(made)
    found = bundle.read(path)
    assert found.plan == PLAN
    inside = Contents(contents.blobs, found.origin(contents.blobs))
    inside.check(contents.blobs)
    with Reading(inside) as reading:
        for data in TEXTS:
            sha256 = hashlib.sha256(data).hexdigest()
            assert reading.piece(sha256, 5, 1000) == data[5:1005]
    path.write_bytes(made.replace(b"y" * 70_000, b"y" * 69_999 + b"z"))
    with pytest.raises(Refused, match="AIVP0514"):
        Contents(contents.blobs, found.origin(contents.blobs)).check(contents.blobs)


def test_a_bundle_of_other_blobs_than_the_plan_takes_is_refused(
    contents: Contents, made: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "b.tar"
    path.write_bytes(made)
    found = bundle.read(path)
    first, second = contents.blobs.values()
    for wanted in ({first.sha256: first}, {}, {**contents.blobs, "0" * 64: Blob("0" * 64, 3)}):
        with pytest.raises(Refused, match="AIVP0515"):
            found.origin(wanted)
    with pytest.raises(Refused, match="AIVP0515"):
        found.origin({first.sha256: first, second.sha256: Blob(second.sha256, second.size + 1)})


def member(name: str, data: bytes = b"x", **fields: object) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT, "ascii", "strict") + data + bytes(-len(data) % 512)


HEAD = member("plan.json", PLAN) + member("plan.json.map", MAP)
END = bytes(1024)
A, B = "blobs/" + "a" * 64, "blobs/" + "b" * 64
HOSTILE: dict[str, bytes | Callable[[bytes], bytes]] = {
    "empty": member("plan.json", PLAN),
    "no plan": member("plan.json.map", MAP) + member("plan.json", PLAN) + END,
    "up": HEAD + member("../x") + END,
    "absolute": HEAD + member("/etc/passwd") + END,
    "up in blobs": HEAD + member("blobs/../../x") + END,
    "symlink": HEAD + member(A, b"", type=tarfile.SYMTYPE, linkname="/etc/shadow") + END,
    "hard link": HEAD + member(A, b"", type=tarfile.LNKTYPE, linkname="plan.json") + END,
    "device": HEAD + member(A, b"", type=tarfile.CHRTYPE) + END,
    "pax": HEAD + member("pax", b"20 path=../../../etc\n", type=tarfile.XHDTYPE) + member(A) + END,
    "long name": HEAD + member("././@LongLink", b"x" * 5000, type=tarfile.GNUTYPE_LONGNAME) + END,
    "sparse": HEAD + member(A, type=tarfile.GNUTYPE_SPARSE) + END,
    "other owner": HEAD + member(A, uid=7) + END,
    "executable": HEAD + member(A, mode=0o755) + END,
    "a time": HEAD + member(A, mtime=1) + END,
    "order": HEAD + member(B) + member(A) + END,
    "twice": HEAD + member(A) + member(A) + END,
    "two plans": HEAD + member("plan.json", PLAN) + END,
    "upper case": HEAD + member(A.upper()) + END,
    "bomb": HEAD + member(A)[:512].replace(b"00000000001", b"77777777777") + END,
    "cut off": lambda made: made[: len(made) // 2],
    "no end": lambda made: made[:-1024],
    "half an end": lambda made: made[:-512],
    "more behind": lambda made: made + b"x",
    "compressed": b"\x1f\x8b" + bytes(2000),
    "a zip": b"PK\x03\x04" + bytes(2000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_bundle_is_refused(name: str, made: bytes, tmp_path: Path) -> None:
    data = HOSTILE[name]
    path = tmp_path / "b.tar"
    path.write_bytes(data if isinstance(data, bytes) else data(made))
    with pytest.raises(Refused, match="AIVP0515") as refused:
        bundle.read(path)
    assert refused.value.exit_code == 4


def test_a_plan_that_claims_gigabytes_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    info = tarfile.TarInfo("plan.json")
    info.size = 40 * 1024**3
    with path.open("wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT, "ascii", "strict"))
        file.truncate(512 + info.size)
        file.seek(0, os.SEEK_END)
        file.write(member("plan.json.map", MAP) + END)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Refused, match="512 MiB"):
        bundle.read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_only_a_regular_file_that_begins_like_one_is_a_bundle(made: bytes, tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_bytes(made)
    (tmp_path / "plan.json").write_bytes(PLAN)
    assert bundle.is_bundle(tmp_path / "b.tar")
    assert not bundle.is_bundle(tmp_path / "plan.json")
    assert not bundle.is_bundle(tmp_path)
    assert not bundle.is_bundle(tmp_path / "none")


def test_content_that_is_another_now_is_told_with_its_file(contents: Contents, tmp_path: Path) -> None:
    contents.check(contents.blobs)
    large = max(contents.blobs.values(), key=lambda blob: blob.size)
    with Reading(contents) as reading:
        assert reading.piece(large.sha256, 0, 10) == TEXTS[0][:10]
        with (tmp_path / "f0").open("r+b") as file:
            file.write(b"!")
        with pytest.raises(Lost, match="f0 was changed meanwhile"):
            reading.piece(large.sha256, 10, 10)
    again = Contents(contents.blobs, contents.origin)
    (tmp_path / "f1").unlink()
    with pytest.raises(Refused, match="AIVP0514") as refused:
        again.check(contents.blobs)
    whys = sorted(item.why for item in refused.value.diagnostics)
    assert refused.value.exit_code == 4
    assert any("f0 holds something else now" in why for why in whys)
    assert any("f1 does not exist" in why for why in whys)
