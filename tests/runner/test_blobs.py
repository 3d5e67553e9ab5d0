"""Content on its way to a host: by credit, checked, taken up again, and never more of it than the disk has room for."""

from __future__ import annotations

import hashlib
import os
import queue
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aivp_contract.values import Blob
from aivp_runner import blobs as module
from aivp_runner.arrival import PIECE, Piece
from aivp_runner.blobs import WINDOW, Blobs

Change = Callable[[str, int, bytes], Piece | None]


class Controller:
    """Answers every question at once, from `contents`; `asked` is what it was asked for, `most` how much at once."""

    def __init__(self, folder: Path) -> None:
        self.contents: dict[str, bytes] = {}
        self.asked: list[tuple[str, int]] = []
        self.arrived: queue.Queue[Piece | None] = queue.Queue()
        self.most = 0
        self.change: Change = lambda sha256, offset, data: Piece(sha256, offset, data)
        self.is_cancelled = False
        self.blobs = Blobs(folder, self.answer, self.arrived, lambda: self.is_cancelled)

    def add(self, data: bytes) -> Blob:
        blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
        self.contents[blob.sha256] = data
        return blob

    def answer(self, pieces: list[list[Any]]) -> None:
        for sha256, offset, length in pieces:
            self.asked.append((sha256, offset))
            self.arrived.put(self.change(sha256, offset, self.contents[sha256][offset : offset + length]))
        self.most = max(self.most, self.arrived.qsize())

    def read(self, blob: Blob) -> bytes:
        return Path(self.blobs.path(blob)).read_bytes()


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path / "blobs")


def some(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def names(controller: Controller) -> list[str]:
    return sorted(path.name for path in controller.blobs.folder.iterdir())


def test_blobs_come_in_order_a_window_at_a_time(controller: Controller) -> None:
    large, small, empty = controller.add(some(20 * PIECE + 7)), controller.add(some(70_000)), controller.add(b"")
    assert controller.blobs.stage([large, small, small, empty]) == {}
    assert controller.read(large) == controller.contents[large.sha256]
    assert controller.read(small) == controller.contents[small.sha256]
    assert controller.read(empty) == b""
    assert controller.asked == [*((large.sha256, i * PIECE) for i in range(21)), (small.sha256, 0)]
    assert 1 < controller.most <= WINDOW
    found = os.stat(controller.blobs.path(large))
    assert (found.st_mode & 0o777, controller.blobs.folder.stat().st_mode & 0o777) == (0o400, 0o700)


def test_what_is_here_does_not_come_again_unless_somebody_changed_it(controller: Controller) -> None:
    blob = controller.add(some(3 * PIECE))
    controller.blobs.stage([blob])
    controller.asked.clear()
    assert controller.blobs.stage([blob]) == {}
    assert controller.asked == []
    path = Path(controller.blobs.path(blob))
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(b"!")
    assert controller.blobs.stage([blob]) == {}
    assert len(controller.asked) == 3
    assert controller.read(blob) == controller.contents[blob.sha256]


def test_a_beginning_is_gone_on_with(controller: Controller) -> None:
    blob = controller.add(some(10 * PIECE))
    controller.blobs.folder.mkdir()
    (controller.blobs.folder / f"{blob.sha256}.part").write_bytes(controller.contents[blob.sha256][: 6 * PIECE + 5])
    assert controller.blobs.stage([blob]) == {}
    assert [offset for _, offset in controller.asked] == [6 * PIECE + 5 + i * PIECE for i in range(4)]
    assert controller.read(blob) == controller.contents[blob.sha256]
    assert names(controller) == [blob.sha256]


@pytest.mark.parametrize("size", [5, 4 * PIECE, 9 * PIECE])
def test_a_beginning_of_something_else_costs_no_more_than_coming_again(controller: Controller, size: int) -> None:
    blob = controller.add(some(4 * PIECE))
    controller.blobs.folder.mkdir()
    (controller.blobs.folder / f"{blob.sha256}.part").write_bytes(some(size, seed=2))
    assert controller.blobs.stage([blob]) == {}
    assert controller.read(blob) == controller.contents[blob.sha256]
    assert names(controller) == [blob.sha256]


def test_other_content_than_announced_is_never_there(controller: Controller) -> None:
    blob, other = controller.add(some(3 * PIECE)), controller.add(some(100_000, seed=3))
    controller.contents[blob.sha256] = some(3 * PIECE, seed=2)
    failed = controller.blobs.stage([blob, other])
    assert set(failed) == {blob.sha256}
    assert "changed while it was on its way" in failed[blob.sha256]["message"]
    assert names(controller) == [other.sha256]


def test_what_the_controller_cannot_give_fails_for_itself(controller: Controller) -> None:
    blob, other = controller.add(some(30 * PIECE)), controller.add(some(2 * PIECE, seed=3))

    def change(sha256: str, offset: int, data: bytes) -> Piece:
        is_lost = sha256 == blob.sha256 and offset >= 4 * PIECE
        return Piece(sha256, offset, b"" if is_lost else data, "it is gone" if is_lost else None)

    controller.change = change
    failed = controller.blobs.stage([blob, other])
    assert failed[blob.sha256]["message"] == "its content did not come: it is gone"
    assert set(failed) == {blob.sha256}
    assert len(controller.asked) <= 4 + WINDOW + 2
    assert names(controller) == [other.sha256]


@pytest.mark.parametrize("how", ["cut", "stopped"])
def test_the_end_of_the_link_keeps_what_came(controller: Controller, how: str) -> None:
    blob = controller.add(some(6 * PIECE))

    def change(sha256: str, offset: int, data: bytes) -> Piece | None:
        if offset < 3 * PIECE:
            return Piece(sha256, offset, data)
        controller.is_cancelled = how == "stopped"
        return None

    controller.change = change
    assert controller.blobs.stage([blob])[blob.sha256]["class"] == "canceled"
    assert names(controller) == [f"{blob.sha256}.part"]
    again = Controller(controller.blobs.folder)
    again.contents = controller.contents
    assert again.blobs.stage([blob]) == {}
    came = 3 if how == "cut" else 0
    assert [offset for _, offset in again.asked] == [index * PIECE for index in range(came, 6)]


def test_without_room_nothing_is_asked_for(controller: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = controller.add(some(100_000))
    free = os.statvfs(controller.blobs.folder.parent)
    monkeypatch.setattr(module, "RESERVE", free.f_bavail * free.f_frsize)
    failed = controller.blobs.stage([blob])
    assert "MiB too few" in failed[blob.sha256]["message"]
    assert controller.asked == []
    assert controller.blobs.lacks(1 << 50) > 0


def test_a_link_in_its_place_is_not_followed(controller: Controller, tmp_path: Path) -> None:
    blob = controller.add(some(100_000))
    victim = tmp_path / "victim"
    victim.write_text("mine")
    controller.blobs.folder.mkdir()
    (controller.blobs.folder / f"{blob.sha256}.part").symlink_to(victim)
    assert "cannot be kept" in controller.blobs.stage([blob])[blob.sha256]["message"]
    assert victim.read_text() == "mine"


def test_a_blob_goes_with_its_last_use_and_leftovers_after_a_day(controller: Controller) -> None:
    one, two = controller.add(some(70_000)), controller.add(some(80_000))
    controller.blobs.expect([one, one, two])
    controller.blobs.stage([one, two])
    controller.blobs.used([one])
    assert names(controller) == sorted([one.sha256, two.sha256])
    controller.blobs.used([one])
    assert names(controller) == [two.sha256]
    controller.blobs.prune()
    assert names(controller) == [two.sha256]
    old = time.time() - module.UNUSED - 60
    os.utime(controller.blobs.path(two), (old, old))
    controller.blobs.prune()
    assert names(controller) == []
    controller.blobs.clear()
    assert not controller.blobs.folder.exists()
