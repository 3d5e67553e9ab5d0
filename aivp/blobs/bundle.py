"""A plan with its source map and every blob it takes ↔ one tar file: the same plan and blobs, the same bytes.

Reading believes nothing: every header must be, byte for byte, the one that writing would have made, so that neither
links, paths, compression nor extensions of the format exist here. No member is unpacked; blobs are read in place.
"""

from __future__ import annotations

import os
import re
import stat
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from aivp_contract.values import Blob

from aivp.blobs.contents import Contents, Lost, Reading
from aivp.blobs.measure import CHUNK
from aivp.blobs.origin import BundleFile, Place
from aivp.diagnostics import Refused
from aivp.diagnostics.diagnostic import refusal

PLAN, MAP, BLOBS = "plan.json", "plan.json.map", "blobs/"
LARGEST_PLAN = 512 * 1024 * 1024
"""Bytes of a plan, as a plan file may have."""

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_BLOB_NAME = re.compile("blobs/[0-9a-f]{64}")
_MAGIC = slice(257, 262)


@dataclass(frozen=True, slots=True)
class Bundle:
    """`plan`: the bytes of the plan file; `members`: SHA-256 → where that blob is said to lie in `path`."""

    path: Path
    plan: bytes
    map_place: Place
    members: Mapping[str, Place]

    def source_map(self, most: int) -> bytes:
        """The source map of the plan, empty where it is larger than `most` bytes. Raises OSError."""
        with self.path.open("rb") as file:
            file.seek(self.map_place.start)
            return file.read(self.map_place.size) if self.map_place.size <= most else b""

    def origin(self, wanted: Mapping[str, Blob]) -> BundleFile:
        """Where the blobs lie. Raises Refused (AIVP0515, exit 4) where it holds others than its plan takes."""
        if {name: place.size for name, place in self.members.items()} != {b.sha256: b.size for b in wanted.values()}:
            raise _broken(self.path, "it does not hold exactly the content that its plan takes")
        return BundleFile(self.path, self.members)


def is_bundle(path: Path) -> bool:
    """True where a file begins as a bundle does, and as no plan can."""
    try:
        with path.open("rb") as file:
            is_whole = stat.S_ISREG(os.fstat(file.fileno()).st_mode)  # what is read of a pipe is gone
            return is_whole and file.read(_BLOCK)[_MAGIC] == b"ustar"
    except OSError:
        return False


def write(file: IO[bytes], plan: bytes, source_map: bytes, contents: Contents) -> None:
    """Write the bundle of a plan. Raises OSError, or Refused (AIVP0514) for a blob that is not where it was."""
    contents.check(contents.blobs)
    try:
        file.writelines(_parts({PLAN: plan, MAP: source_map}, contents))
    except Lost as lost:
        raise refusal("AIVP0514", f"The bundle cannot be made: {lost}.", "Plan again.") from None


def read(path: Path) -> Bundle:
    """The plan of a bundle and the places of its blobs, whose digests nobody has looked at yet.

    Raises Refused (AIVP0515, exit 4) for what is no bundle, in memory bounded by the size of a plan.
    """
    try:
        with path.open("rb") as file:
            members = list(_members(file, path.name))
            names = [member.name for member in members]
            is_plain = not {PLAN, MAP}.intersection(names[2:])
            if names[:2] != [PLAN, MAP] or names[2:] != sorted(set(names[2:])) or not is_plain:
                raise _broken(path, "it does not begin with a plan, or its members are out of order")
            if members[0].size > LARGEST_PLAN:
                raise _broken(path, f"its plan has more than {LARGEST_PLAN >> 20} MiB")
            file.seek(members[0].start)
            plan = file.read(members[0].size)
    except OSError as error:
        raise refusal("AIVP0903", f"{path} cannot be read: {error.strerror}.") from None
    blobs = {member.name.removeprefix(BLOBS): member for member in members[2:]}
    return Bundle(path, plan, members[1], blobs)


def _parts(texts: Mapping[str, bytes], contents: Contents) -> Iterator[bytes]:
    for name, data in texts.items():
        yield _header(name, len(data)) + data + _padding(len(data))
    with Reading(contents) as reading:
        for sha256, blob in sorted(contents.blobs.items()):
            yield _header(BLOBS + sha256, blob.size)
            for start in range(0, blob.size, CHUNK):
                yield reading.piece(sha256, start, min(CHUNK, blob.size - start))
            yield _padding(blob.size)
    yield _END


def _members(file: BinaryIO, name: str) -> Iterator[Place]:
    """The members as their headers tell, up to the end of the file, which comes right behind the last one."""
    path, size, start = Path(name), os.fstat(file.fileno()).st_size, 0
    while True:
        file.seek(start)
        header = file.read(_BLOCK)
        if header == bytes(_BLOCK):
            if header + file.read(_BLOCK + 1) != _END:
                raise _broken(path, "something stands behind its end")
            return
        member = _member(header, start + _BLOCK)
        if member is None:
            raise _broken(path, f"what stands at byte {start} is no member of a bundle")
        start = member.start + member.size + len(_padding(member.size))
        if start > size:
            raise _broken(path, f"{member.name} is cut off")
        yield member


def _member(header: bytes, start: int) -> Place | None:
    try:
        name = header[:100].rstrip(b"\0").decode("ascii")
        is_binary = header[124] & 0x80  # beyond what eleven octal digits say
        size = int.from_bytes(header[125:136], "big") if is_binary else int(header[124:135], 8)
        is_ours = name in (PLAN, MAP) or _BLOB_NAME.fullmatch(name)
        return Place(name, size, start) if is_ours and size >= 0 and _header(name, size) == header else None
    except (ValueError, IndexError, OverflowError):
        return None


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def _broken(path: Path, why: str) -> Refused:
    mend = "Write it again: aivp plan --bundle FILE"
    return refusal("AIVP0515", f"{path} is no bundle, was cut off or changed: {why}.", mend, exit_code=4)
