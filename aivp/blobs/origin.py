"""Where the blobs of a plan may lie: in files of the project, by their paths, or in a bundle, at their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from aivp_contract.values import Blob

from aivp.blobs.measure import Signature, measure, signature
from aivp.blobs.sources import Sources
from aivp.config.files import open_file
from aivp.diagnostics.diagnostic import refusal


@dataclass(frozen=True, slots=True)
class Place:
    """Some bytes of a file: `size` of them from `start`. `name`: what people call it."""

    name: str
    size: int
    start: int = 0


class Origin(Protocol):
    """Where blobs are looked for."""

    def places(self, blob: Blob) -> Sequence[Place]:
        """Where it may lie; none of them has to hold it."""

    def open(self, place: Place) -> AbstractContextManager[BinaryIO]:
        """The file around a place. Raises Refused."""

    def measure(self, place: Place) -> tuple[Blob, Signature]:
        """What lies there now, and the signature of the file. Raises Refused."""


class ProjectFiles:
    """Files of the project. paths: SHA-256 → where a plan says that the content was."""

    def __init__(self, sources: Sources, paths: Mapping[str, Sequence[str]]) -> None:
        self.sources = sources
        self.paths = paths

    def places(self, blob: Blob) -> Sequence[Place]:
        return [Place(path, blob.size) for path in self.paths.get(blob.sha256, ())]

    @contextmanager
    def open(self, place: Place) -> Iterator[BinaryIO]:
        with open_file(self.sources.root, place.name) as file:
            yield file

    def measure(self, place: Place) -> tuple[Blob, Signature]:
        with self.open(place) as file:
            now = signature(file.fileno())
            seen = self.sources.seen.get(place.name)
            if seen is not None and seen[1] == now:
                return seen
            if now[2] != place.size:
                return Blob("", now[2]), now
            return measure(file, place.name), now


class BundleFile:
    """A bundle. members: SHA-256 → its place in it."""

    def __init__(self, path: Path, members: Mapping[str, Place]) -> None:
        self.path = path
        self.members = members

    def places(self, blob: Blob) -> Sequence[Place]:
        return [self.members[blob.sha256]] if blob.sha256 in self.members else []

    @contextmanager
    def open(self, place: Place) -> Iterator[BinaryIO]:
        try:
            with self.path.open("rb") as file:
                yield file
        except OSError as error:
            raise refusal("AIVP0903", f"{self.path} cannot be read: {error.strerror}.") from None

    def measure(self, place: Place) -> tuple[Blob, Signature]:
        with self.open(place) as file:
            now = signature(file.fileno())
            file.seek(place.start)
            return measure(file, place.name, size=place.size), now
