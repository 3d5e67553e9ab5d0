"""One blob on its way to this host: pieces in order, written behind what an earlier session had of it, then checked.

`<digest>.part` is a beginning; only what has the right digest ever lies at `<digest>`, readable by its owner alone.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Optional

from aivp_contract.values import Blob, Json

PIECE = 1024 * 1024
"""Bytes of one piece."""

OTHER = "what came is not the content that the plan names: it was changed while it was on its way"
CHANGED = "Bring that file back as it was and resume the run, or abandon the run and plan again."

Error = Dict[str, Json]


@dataclass(frozen=True)
class Piece:
    """Some bytes of a blob, or why there are none."""

    sha256: str
    offset: int
    data: bytes
    error: Optional[str] = None


class Arrival:
    """`error`: why it will not be whole. is_continued: part of it came in an earlier session."""

    def __init__(self, folder: Path, blob: Blob) -> None:
        self.folder = folder
        self.blob = blob
        self.error: Optional[Error] = None
        self.is_continued = False
        self._partial = folder / f"{blob.sha256}.part"
        self._descriptor: Optional[int] = None
        self._digest = hashlib.sha256()
        self._offset = 0

    def pieces(self) -> Iterator[List[Json]]:
        """[digest, offset, length] of what has to be asked for, in order."""
        try:
            self._open()
        except OSError as error:
            self._fail(of_disk(error, self.folder))
        for start in range(self._offset, self.blob.size, PIECE):
            if self.error is not None:
                return
            yield [self.blob.sha256, start, min(PIECE, self.blob.size - start)]

    def take(self, piece: Piece) -> None:
        """Write a piece; the last one lets the blob appear, if it is the right one."""
        if self.error is not None:
            return  # asked for before it failed
        if piece.error is not None or len(piece.data) != min(PIECE, self.blob.size - self._offset):
            why = piece.error or "its file on the controller is shorter than it was"
            self._fail({"class": "permanent", "message": f"its content did not come: {why}", "mend": CHANGED})
            return
        try:
            assert self._descriptor is not None
            rest = memoryview(piece.data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            self._digest.update(piece.data)
            self._offset += len(piece.data)
            self._finish()
        except OSError as error:
            self._fail(of_disk(error, self.folder))

    def close(self) -> None:
        """Give the descriptor back; a good beginning stays."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self._partial, flags, 0o600)
        if os.fstat(self._descriptor).st_size > self.blob.size:
            os.ftruncate(self._descriptor, 0)
        while chunk := os.read(self._descriptor, PIECE):
            self._digest.update(chunk)
            self._offset += len(chunk)
        self.is_continued = self._offset > 0
        self._finish()

    def _finish(self) -> None:
        if self._offset < self.blob.size:
            return
        if self._digest.hexdigest() != self.blob.sha256:
            self._fail({"class": "permanent", "message": OTHER, "mend": CHANGED})
            return
        assert self._descriptor is not None
        os.fchmod(self._descriptor, 0o400)
        os.rename(self._partial, self.folder / self.blob.sha256)

    def _fail(self, error: Error) -> None:
        """It will not be whole: what came of it goes."""
        self.error = error
        self.close()
        try:
            self._partial.unlink()
        except OSError:
            return


def of_disk(error: OSError, folder: Path) -> Error:
    """The error of content that cannot be kept here."""
    mend = "Make room on that file system, or make it writable, and resume the run."
    return {"class": "permanent", "message": f"content cannot be kept in {folder}: {error.strerror}", "mend": mend}
