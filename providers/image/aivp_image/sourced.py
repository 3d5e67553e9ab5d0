"""A disk that exists, as a file or behind an address → an image: exactly the bytes that its digest names.

It is copied, or fetched, before anything looks into it, so that what was checked is what guests boot from.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from aivp_sdk import Permanent

from .declaration import Disk, Image, Source
from .disk import convert, inspect, resize
from .disk_header import seems
from .download import digest_of_file, fetch
from .download_http import Wanted
from .plain import plain
from .recipe import Before, Maker, Outlook, Recipe, common, not_there_yet
from .record import Content
from .workshop import Workshop

FORM = 1
"""Counts up where the same bytes become another image."""
DOWNLOADS = "downloads"
"""The cache of what was fetched, by its digest."""
_CHUNK = 1024 * 1024
_EMPTY = bytes(_CHUNK)


class SourceMaker(Maker):
    """Images that are made of disks that exist."""

    def check(self, desired: Image) -> None:
        """Where it is and what it must be has to be said, once."""
        source = _source(desired)
        if (source.path is None) == (source.url is None):
            raise Permanent("a source has either a `path` or a `url`", path="/source")
        if source.sha256 is not None and source.sha512 is not None:
            raise Permanent("a source has one digest, `sha256` or `sha512`", path="/source")
        if source.url is not None and source.sha256 is None and source.sha512 is None:
            mend = "Declare the `sha256` or `sha512` that its makers publish."
            raise Permanent("what comes over a network needs a digest", path="/source", mend=mend)
        if source.initrd is not None and source.kernel is None:
            raise Permanent("an initramfs goes with a kernel", path="/source/initrd")

    def foresee(self, desired: Image, before: Optional[Before], workshop: Workshop) -> Outlook:
        """A file without a declared digest is read once, and again when it looks other than before."""
        source = _source(desired)
        if source.path is not None and not (source.sha256 or source.sha512) and not os.path.exists(source.path):
            return Outlook(not_there_yet(plain(source), "sha256", before, source.path, workshop), None, ("kernel",))
        algorithm, digest = _digest(source, workshop)
        return Outlook(_shown(source, digest), _parts(desired, algorithm, digest, workshop), ("kernel",))

    def prepare(self, desired: Image, before: Optional[Before], workshop: Workshop) -> Recipe:
        """As foreseen: its digest says all."""
        source = _source(desired)
        algorithm, digest = _digest(source, workshop)

        def build(draft: Path) -> Content:
            return _build(desired, algorithm, digest, workshop, draft)

        return Recipe(_parts(desired, algorithm, digest, workshop), build, _shown(source, digest))


MAKER = SourceMaker()


def _source(desired: Image) -> Source:
    assert desired.source is not None
    return desired.source


def _digest(source: Source, workshop: Workshop) -> Tuple[str, str]:
    """The algorithm and the digest of its bytes, as declared, else as they are."""
    if source.sha512 is not None:
        return "sha512", source.sha512.rpartition(":")[2]
    if source.sha256 is not None:
        return "sha256", source.sha256.rpartition(":")[2]
    return "sha256", file_digest(str(source.path), workshop)


def file_digest(path: str, workshop: Workshop) -> str:
    """The SHA-256 of a file of this host; one that looks as it did is not read again. Raises Permanent."""
    try:
        found = os.stat(path)
        looks = [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]
        note = workshop.cache("digests") / f"{hashlib.sha256(os.fsencode(path)).hexdigest()}.json"
        known = _read(note)
        if known.get("looks") != looks:
            known = {"looks": looks, "sha256": digest_of_file(Path(path), "sha256", workshop.progress)}
            draft = note.with_suffix(f".{os.getpid()}")
            draft.write_text(json.dumps(known), encoding="utf-8")
            os.replace(draft, note)
    except OSError as error:
        raise Permanent(f"{path} cannot be read: {error.strerror}", path="/source/path") from None
    return str(known["sha256"])


def _read(note: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _shown(source: Source, digest: str) -> Dict[str, Any]:
    """As declared; a file that nobody declared the digest of shows what it is now."""
    found: Dict[str, Any] = plain(source)
    return found if source.sha256 or source.sha512 else {**found, "sha256": digest}


def _parts(desired: Image, algorithm: str, digest: str, workshop: Workshop) -> Any:
    source = _source(desired)
    parts: Dict[str, Any] = {"form": FORM, algorithm: digest, "format": source.format}
    parts.update(helper=source.helper, cloud_init=source.cloud_init)
    for name in ("kernel", "initrd"):
        path = getattr(source, name)
        if path is not None:
            parts[name] = file_digest(path, workshop)
    return {"source": parts, **common(desired)}


def _build(desired: Image, algorithm: str, digest: str, workshop: Workshop, draft: Path) -> Content:
    source = _source(desired)
    file = draft / "source"
    if source.url is not None:
        fetched = fetch(Wanted(source.url, algorithm, digest), workshop.cache(DOWNLOADS), workshop.progress)
        copy(fetched, file, algorithm, digest, workshop)
    else:
        copy(Path(str(source.path)), file, algorithm, digest, workshop)
    disk_format = source.format or seems(file)
    size = inspect(file, disk_format)
    name, disk_format, size = shape(file, disk_format, size, desired.disk, workshop, draft)
    for part in ("kernel", "initrd"):
        path = getattr(source, part)
        if path is not None:
            copy(Path(path), draft / part, "sha256", file_digest(path, workshop), workshop)
    return Content(
        architecture=platform.machine(),
        disk=name,
        disk_format=disk_format,
        disk_size=size,
        kernel=None if source.kernel is None else "kernel",
        initrd=None if source.initrd is None else "initrd",
        cmdline=("console=ttyS0", *desired.cmdline) if source.kernel is not None else (),
        firmware=source.kernel is None,
        helper=source.helper,
        cloud_init=source.cloud_init,
        about={"source": {algorithm: digest}},
    )


def copy(source: Path, into: Path, algorithm: str, digest: str, workshop: Workshop) -> None:
    """The bytes of a file, with holes where it has zeros, digested as they are copied. Raises Permanent, OSError."""
    found = hashlib.new(algorithm)
    done = 0
    try:
        file = open(source, "rb")  # noqa: SIM115  # the with below closes it; opening alone is what people can mend
    except OSError as error:
        raise Permanent(f"{source} cannot be read: {error.strerror}", path="/source/path") from None
    with file, open(into, "xb") as out:
        total = os.fstat(file.fileno()).st_size
        while chunk := file.read(_CHUNK):
            found.update(chunk)
            done += len(chunk)
            if chunk == _EMPTY[: len(chunk)]:
                out.seek(len(chunk), os.SEEK_CUR)
            else:
                out.write(chunk)
            workshop.progress("copying the disk", done, total)
        out.truncate(done)
    if found.hexdigest() != digest:
        mend = "Compare with what its makers publish; if you trust the file as it is, declare its own digest."
        why = f"{source} has another {algorithm} than it should: {found.hexdigest()}"
        raise Permanent(why, path=f"/source/{algorithm}", mend=mend)


def shape(
    file: Path, disk_format: str, size: int, disk: Optional[Disk], workshop: Workshop, draft: Path
) -> Tuple[str, str, int]:
    """Give the disk its declared form and size, or leave it as it is: its name, its format and how large it looks."""
    if disk is None:
        name = f"disk.{disk_format}"
        os.rename(file, draft / name)
        return name, disk_format, size
    if int(disk.size) < size:
        why = f"the disk has {size} bytes, and cannot be made smaller than that"
        raise Permanent(why, path="/disk/size", mend=f"Declare at least {size} bytes.")
    name = f"disk.{disk.format}"
    convert(workshop, file, disk_format, draft / name, disk)
    file.unlink()
    if int(disk.size) > size:
        resize(workshop, draft / name, disk.format, int(disk.size))
    return name, disk.format, int(disk.size)
