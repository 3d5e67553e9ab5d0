"""The blobs of one plan, found by their digests and read piece by piece; a file that is another one now gives none.

Knows neither hosts nor steps. Whoever receives the pieces takes the digest of the whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import BinaryIO, Self

from aivp_contract.values import Blob

from aivp.blobs.measure import Signature, signature
from aivp.blobs.origin import Origin, Place
from aivp.diagnostics import Diagnostic, Refused


class Lost(Exception):
    """A piece cannot be had; the message, the end of a sentence, says why."""


class Contents:
    """blobs: all that the plan's effects may take, by SHA-256; origin: where they are looked for."""

    def __init__(self, blobs: Mapping[str, Blob], origin: Origin) -> None:
        self.blobs = blobs
        self.origin = origin
        self._found: dict[str, tuple[Place, Signature]] = {}

    def check(self, wanted: Iterable[str]) -> None:
        """Raise Refused (AIVP0514, exit 4) with every one of `wanted` that is not where it was, or is another one."""
        problems = []
        for sha256 in sorted(set(wanted)):
            try:
                self.find(sha256)
            except Lost as lost:
                why = f"The plan takes content with the SHA-256 {sha256[:12]}, but {lost}."
                mend = (
                    "Bring it back as it was, or hand over a bundle of that plan (also with --resume), or plan again."
                )
                problems.append(Diagnostic("AIVP0514", why, mend))
        if problems:
            raise Refused(problems, 4)

    def find(self, sha256: str) -> tuple[Place, Signature]:
        """Where a blob lies, by its digest, and the signature of its file. Raises Lost."""
        if sha256 not in self._found:
            blob, whys = self.blobs[sha256], []
            for place in self.origin.places(blob):
                try:
                    found, seen = self.origin.measure(place)
                except Refused as refused:
                    whys.append(refused.diagnostics[0].why.rstrip("."))
                    continue
                if found == blob:
                    self._found[sha256] = (place, seen)
                    return place, seen
                whys.append(f"{place.name} holds something else now")
            raise Lost(", and ".join(whys) or "nothing says where it lies")
        return self._found[sha256]


class Reading:
    """Pieces of contents, for one host: one file is open at a time."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self._sha256 = ""
        self._file: BinaryIO
        self._place: Place
        self._signature: Signature
        self._stack = ExitStack()

    def piece(self, sha256: str, offset: int, length: int) -> bytes:
        """`length` bytes from `offset` of a blob. Raises Lost where its file was changed since it was looked at."""
        if sha256 != self._sha256:
            self._open(sha256)
        try:
            data = os.pread(self._file.fileno(), length, self._place.start + offset)
        except OSError as error:
            raise Lost(f"{self._place.name} cannot be read: {error.strerror}") from None
        if len(data) != length or signature(self._file.fileno()) != self._signature:
            raise Lost(f"{self._place.name} was changed meanwhile")
        return data

    def _open(self, sha256: str) -> None:
        self.close()
        self._place, self._signature = self.contents.find(sha256)
        try:
            self._file = self._stack.enter_context(self.contents.origin.open(self._place))
        except Refused as refused:
            raise Lost(refused.diagnostics[0].why.rstrip(".")) from None
        self._sha256 = sha256

    def close(self) -> None:
        """Give the open file back."""
        self._sha256 = ""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
