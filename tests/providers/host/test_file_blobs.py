"""`file` with content that is handed over by path: whole, compared by digest, and refused where it did not come."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest
from aivp_contract.values import Blob, Verdict

from tests.providers.driver import Failed
from tests.providers.host.disk import Disk


@pytest.fixture
def blob(tmp_path_factory: pytest.TempPathFactory) -> Blob:
    data = random.Random(1).randbytes(3_000_000)
    path = tmp_path_factory.mktemp("staged") / "blob"
    path.write_bytes(data)
    return Blob(hashlib.sha256(data).hexdigest(), len(data), str(path))


def staged(blob: Blob) -> bytes:
    assert blob.path is not None
    return Path(blob.path).read_bytes()


def test_a_blob_becomes_a_file_with_its_owner_and_mode(disk: Disk, blob: Blob) -> None:
    done = disk.converge("a/large", content=blob, mode="0644", owner=str(os.getuid()), create_parents=True)
    assert done.decision.action == "create"
    assert disk.path("a/large").read_bytes() == staged(blob)
    assert disk.path("a/large").stat().st_mode & 0o777 == 0o644
    assert disk.converge("a/large", content=blob, mode="0600").decision.action == "update"
    assert disk.path("a/large").read_bytes() == staged(blob)


@pytest.mark.parametrize("before", [b"", b"small", b"x" * 3_000_000, b"x" * 100_000])
def test_another_content_gives_way(disk: Disk, blob: Blob, before: bytes) -> None:
    disk.path().write_bytes(before)
    disk.path().chmod(0o644)
    assert disk.converge(content=blob).decision.action == "update"
    assert disk.path().read_bytes() == staged(blob)


def test_the_plan_shows_digests(disk: Disk, blob: Blob) -> None:
    disk.path().write_bytes(b"y" * 100_000)
    disk.path().chmod(0o644)
    (change,) = disk.decide(content=blob).changes
    assert change.before == Blob(hashlib.sha256(b"y" * 100_000).hexdigest(), 100_000)
    assert change.after == blob
    disk.path().write_bytes(b"short\n")
    (change,) = disk.decide(content=blob).changes
    assert change.before == "short\n"


def test_of_a_private_file_only_whether_it_matches_leaves_the_host(disk: Disk, blob: Blob) -> None:
    disk.path().write_bytes(b"mine")
    disk.path().chmod(0o600)
    for matches in (False, True):
        seen = disk.observe(content=blob)
        assert seen.observed is not None
        assert seen.observed["content"] == Verdict(matches)
        disk.converge(content=blob)


def test_content_that_did_not_come_changes_nothing(disk: Disk, blob: Blob) -> None:
    disk.path().write_bytes(b"mine")
    with pytest.raises(Failed, match="did not come"):
        disk.converge(content=Blob(blob.sha256, blob.size))
    assert disk.path().read_bytes() == b"mine"
    assert not disk.leftovers()


def test_the_command_that_validates_gets_all_of_it(disk: Disk, blob: Blob) -> None:
    refusing = ["sh", "-c", f'test "$(wc -c < "$0")" = {blob.size} && exit 3', "%s"]
    with pytest.raises(Failed, match="ended with 3"):
        disk.converge(content=blob, validate=refusing)
    assert not disk.path().exists()
    assert not disk.leftovers()
