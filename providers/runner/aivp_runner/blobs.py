"""The blobs of one host: asked of the engine piece by piece, kept under their digest while a run needs them.

At most WINDOW pieces are under way at once, so memory is bounded on both sides, and a slow disk slows the link down.
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import os
import queue
import stat
import time
from pathlib import Path
from typing import Callable, Deque, Dict, Iterable, List, Optional, Sequence, Tuple

from aivp_contract.values import Blob, Json

from .arrival import PIECE, Arrival, Error, Piece, of_disk

WINDOW = 8
"""Pieces that were asked for and have not been written yet."""

UNUSED = 24 * 3600.0
"""Seconds after which what an unfinished run left here goes."""

RESERVE = 16 * 1024 * 1024
"""Bytes that are left free for journal and logs."""

_POLL = 0.2

Ask = Callable[[List[List[Json]]], None]
"""Takes [[digest, offset, length], …]; each is answered by one `Piece`, in this order."""


class Missed(Exception):
    """No blob that was still to come will: `error` is for the steps that need one."""

    def __init__(self, error: Error) -> None:
        super().__init__(error["message"])
        self.error = error


class Blobs:
    """What is whole lies at `<folder>/<digest>`, and was checked in this session.

    arrived: where the reading thread puts pieces, and None at the end of the link; is_cancelled: the run is being
    stopped.
    """

    def __init__(
        self, folder: Path, ask: Ask, arrived: queue.Queue[Optional[Piece]], is_cancelled: Callable[[], bool]
    ) -> None:
        self.folder = folder
        self.ask = ask
        self.arrived = arrived
        self.is_cancelled = is_cancelled
        self._checked: Dict[str, Tuple[int, ...]] = {}
        self._uses: Dict[str, int] = {}

    def stage(self, wanted: Iterable[Blob]) -> Dict[str, Error]:
        """Have all of `wanted` here; by digest, why one cannot be had."""
        failed: Dict[str, Error] = {}
        missing = []
        for blob in {blob.sha256: blob for blob in wanted}.values():
            try:
                if not self._is_whole(blob):
                    missing.append(blob)
            except OSError as error:
                failed[blob.sha256] = of_disk(error, self.folder)
        arrivals = self._fetched(missing)
        again = [one.blob for one in arrivals if one.error is not None and one.is_continued]
        arrivals += self._fetched(again)  # an older beginning may have been another one: once more, all of it
        for one in arrivals:
            failed.pop(one.blob.sha256, None)
            if one.error is not None:
                failed[one.blob.sha256] = one.error
        return failed

    def path(self, blob: Blob) -> str:
        """Where a blob lies that was staged."""
        return str(self.folder / blob.sha256)

    def expect(self, blobs: Iterable[Blob]) -> None:
        """A use that a step still to come will make of each blob."""
        for blob in blobs:
            self._uses[blob.sha256] = self._uses.get(blob.sha256, 0) + 1

    def used(self, blobs: Iterable[Blob]) -> None:
        """These uses are over; what no step of this message needs any more goes."""
        for blob in blobs:
            self._uses[blob.sha256] = self._uses.get(blob.sha256, 0) - 1
            if self._uses[blob.sha256] <= 0:
                self._drop(blob.sha256)

    def lacks(self, size: int) -> int:
        """How many bytes too few are free here for a blob of `size` bytes."""
        free = os.statvfs(self.folder if self.folder.is_dir() else self.folder.parent)
        return max(size + RESERVE - free.f_bavail * free.f_frsize, 0)

    def prune(self) -> None:
        """Let go of what no run came back for. Only who holds the host's lock may."""
        self._clear(lambda found: time.time() - found.st_mtime > UNUSED)

    def clear(self) -> None:
        """Let go of everything: no run needs it. Only who holds the host's lock may."""
        self._clear(lambda _: True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _clear(self, is_over: Callable[[os.stat_result], bool]) -> None:
        with contextlib.suppress(OSError):
            for path in sorted(self.folder.iterdir()):
                if is_over(path.lstat()):
                    self._drop(path.name)

    def _drop(self, name: str) -> None:
        self._checked.pop(name, None)
        with contextlib.suppress(OSError):
            (self.folder / name).unlink()

    def _is_whole(self, blob: Blob) -> bool:
        """True where it lies here. What an earlier session left, or anybody may have changed since, is read again."""
        path = self.path(blob)
        try:
            now = _signature(path)
        except FileNotFoundError:
            return False
        if self._checked.get(blob.sha256) != now and _digest_of(path) != blob.sha256:
            os.unlink(path)
            return False
        self._checked[blob.sha256] = now
        return True

    def _fetched(self, missing: Sequence[Blob]) -> List[Arrival]:
        """Every one of `missing`, arrived or with its error."""
        arrivals = [Arrival(self.folder, blob) for blob in missing]
        try:
            if arrivals:
                self._make_room(missing)
                self._fetch(arrivals)
        except Missed as missed:
            for one in arrivals:
                if one.error is None and not os.path.exists(self.path(one.blob)):
                    one.error = missed.error
        except OSError as error:
            for one in arrivals:
                one.error = one.error or of_disk(error, self.folder)
        for one in arrivals:
            one.close()
            if one.error is None:
                self._checked[one.blob.sha256] = _signature(self.path(one.blob))
        return arrivals

    def _make_room(self, missing: Sequence[Blob]) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        lack = self.lacks(sum(blob.size - self._begun(blob) for blob in missing))
        if lack:
            raise Missed(no_room(self.folder, lack))

    def _begun(self, blob: Blob) -> int:
        """Bytes of it that an earlier session brought."""
        try:
            return min(os.lstat(f"{self.path(blob)}.part").st_size, blob.size)
        except FileNotFoundError:
            return 0

    def _fetch(self, arrivals: Sequence[Arrival]) -> None:
        """Ask for the pieces of all of them in order, half a window at a time. Raises Missed."""
        by_digest = {one.blob.sha256: one for one in arrivals}
        to_ask = (piece for one in arrivals for piece in one.pieces())
        asked: Deque[List[Json]] = collections.deque()
        while True:
            if len(asked) <= WINDOW // 2:
                more = [piece for _, piece in zip(range(WINDOW - len(asked)), to_ask)]
                asked.extend(more)
                if more:
                    self.ask(more)
            if not asked:
                return
            piece = self._next()
            if [piece.sha256, piece.offset] != asked.popleft()[:2]:
                raise Missed({"class": "bug", "message": "another piece of content came than was asked for"})
            by_digest[piece.sha256].take(piece)

    def _next(self) -> Piece:
        while not self.is_cancelled():
            try:
                piece = self.arrived.get(timeout=_POLL)
            except queue.Empty:
                continue
            if piece is None:
                break
            return piece
        raise Missed({"class": "canceled", "message": "the run was stopped while content was on its way"})


def no_room(folder: Path, lack: int) -> Error:
    """The error of a disk that is too full."""
    message = f"the file system of {folder} has {-(-lack // 1024**2)} MiB too few for the content on its way"
    return {"class": "permanent", "message": message, "mend": "Make room there, and resume the run."}


def _signature(path: str) -> Tuple[int, ...]:
    found = os.lstat(path)
    kind = stat.S_IFMT(found.st_mode)
    return (kind, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _digest_of(path: str) -> str:
    """Of a regular file's content; of nothing else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        digest = hashlib.sha256()
        while chunk := file.read(PIECE):
            digest.update(chunk)
        return digest.hexdigest()
