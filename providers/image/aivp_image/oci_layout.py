"""An OCI image layout, a folder or a tar archive of one → the manifest that was asked for, and its blobs.

No blob is believed: each is read to its end with its size and digest checked, and is of no use to anybody before.
Nothing outside of the layout is ever opened: names of blobs are made of their digests, and no link is followed.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from dataclasses import dataclass
from typing import Any, BinaryIO, Dict, Iterator, List, Mapping, Optional, Tuple

from aivp_sdk import Permanent

from .oci_documents import DIGEST, Descriptor, described, descriptors, parsed, prefixed
from .oci_tar import BadTar, Tar, shown

LARGEST_DOCUMENT = 4 * 1024 * 1024
MOST_LAYERS = 512
DEEPEST_INDEX = 3
REF_NAME = "org.opencontainers.image.ref.name"
INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i686", "riscv64": "riscv64", "ppc64le": "ppc64le"}
_MOST_FILES = 100_000


@dataclass(frozen=True)
class Manifest:
    """One image of a layout. architecture: as QEMU names it; config: what its builder says of how to run it."""

    digest: str
    architecture: str
    layers: Tuple[Descriptor, ...]
    diff_ids: Tuple[str, ...]
    config: Mapping[str, Any]


class Blob:
    """A blob that is being read. `finish` must be called at its end. Raises Permanent where it is not as it should."""

    def __init__(self, file: BinaryIO, start: int, descriptor: Descriptor) -> None:
        self._file = file
        self._position = start
        self._left = descriptor.size
        self._hash = hashlib.new(descriptor.digest.partition(":")[0])
        self.descriptor = descriptor

    @property
    def taken(self) -> int:
        """Bytes that were read so far."""
        return self.descriptor.size - self._left

    def read(self, size: int) -> bytes:
        """At most so many bytes; nothing at the end."""
        wanted = min(size, self._left)
        if not wanted:
            return b""
        self._file.seek(self._position)
        data = self._file.read(wanted)
        if not data:
            raise Permanent(f"the blob {self.descriptor.digest} of the layout is cut off", path="/oci/path")
        self._position += len(data)
        self._left -= len(data)
        self._hash.update(data)
        return data

    def finish(self) -> None:
        """Read what is left, and compare."""
        while self.read(1024 * 1024):
            pass
        if self._hash.hexdigest() != self.descriptor.digest.partition(":")[2]:
            why = f"the blob {self.descriptor.digest} of the layout has another content than its name says"
            raise Permanent(why, path="/oci/path", mend="Copy the image again, and do not trust this copy.")


class Layout:
    """A layout that is open; `contextlib.closing` closes it."""

    def __init__(self, path: str) -> None:
        """Open a folder, or an archive of one. Raises Permanent."""
        self._folder: Optional[int] = None
        self._archive: Optional[BinaryIO] = None
        self._members: Dict[str, Tuple[int, int]] = {}
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise Permanent(f"{path} cannot be opened: {error.strerror}", path="/oci/path") from None
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            self._folder = descriptor
        elif stat.S_ISREG(mode):
            self._archive = os.fdopen(descriptor, "rb")
            self._members = _members(self._archive, path)
        else:
            os.close(descriptor)
            raise Permanent(f"{path} is neither a folder nor a file", path="/oci/path")
        self.path = path

    def close(self) -> None:
        """Let go of it."""
        if self._folder is not None:
            os.close(self._folder)
        if self._archive is not None:
            self._archive.close()

    def manifest(self, tag: Optional[str], digest: Optional[str], architecture: str) -> Manifest:
        """The image that is asked for, by its tag, its digest or as the only one. Raises Permanent."""
        about = parsed(self._document("oci-layout"), "oci-layout")
        if not str(about.get("imageLayoutVersion", "")).startswith("1."):
            raise Permanent(f"{self.path} is a layout of another version than 1", path="/oci/path")
        entries = descriptors(parsed(self._document("index.json"), "index.json"), "manifests", "index.json")
        chosen = self._chosen(entries, tag, digest)
        return self._manifest(self._for(chosen, architecture, 0), architecture)

    def open(self, descriptor: Descriptor) -> Tuple[Blob, BinaryIO]:
        """A blob from its beginning, and the file to close after it."""
        algorithm, _, value = descriptor.digest.partition(":")
        file, start, size = self._open(f"blobs/{algorithm}/{value}")
        if size != descriptor.size:
            file.close()
            why = f"the blob {descriptor.digest} of the layout has {size} bytes, and should have {descriptor.size}"
            raise Permanent(why, path="/oci/path", mend="Copy the image again.")
        return Blob(file, start, descriptor), file

    def _chosen(self, entries: List[Descriptor], tag: Optional[str], digest: Optional[str]) -> Descriptor:
        if tag is not None:
            found = [entry for entry in entries if entry.annotations.get(REF_NAME) == tag]
        elif digest is not None:
            found = list(self._named(entries, digest, 0))[:1]
        else:
            found = entries
        if digest is not None and tag is not None:
            found = [entry for entry in found if entry.digest == prefixed(digest)] or list(
                self._named(found, digest, 0)
            )
        if len({entry.digest for entry in found}) == 1:
            return found[0]
        names = sorted({str(entry.annotations.get(REF_NAME)) for entry in entries if REF_NAME in entry.annotations})
        told = f"It has: {', '.join(names)}." if names else f"It has {len(entries)}, none with a tag; name a digest."
        if digest is not None:
            which = f"the digest {digest}"
        else:
            which = f"the tag {tag}" if tag is not None else "no tag, and there is not exactly one"
        mend = f"Name one of them with `tag`. {told}" if names else told
        raise Permanent(f"{self.path} has no image with {which}", path="/oci", mend=mend)

    def _named(self, entries: List[Descriptor], digest: str, depth: int) -> Iterator[Descriptor]:
        for entry in entries:
            if entry.digest == prefixed(digest):
                yield entry
            elif entry.media_type in INDEXES and depth < DEEPEST_INDEX:
                yield from self._named(self._entries(entry), digest, depth + 1)

    def _for(self, chosen: Descriptor, architecture: str, depth: int) -> Descriptor:
        """The manifest for this architecture behind an index."""
        if chosen.media_type not in INDEXES:
            return chosen
        if depth >= DEEPEST_INDEX:
            raise Permanent(f"the indexes of {self.path} lead to each other without end", path="/oci/path")
        entries = self._entries(chosen)
        fitting = [
            entry
            for entry in entries
            if entry.platform.get("os", "linux") == "linux"
            and ARCHITECTURES.get(str(entry.platform.get("architecture")), architecture) == architecture
            and entry.platform.get("architecture") != "unknown"
        ]
        if not fitting:
            there = sorted({f"{item.platform.get('os')}/{item.platform.get('architecture')}" for item in entries})
            raise Permanent(f"the image has no variant for linux on {architecture}; it has {', '.join(there)}")
        return self._for(fitting[0], architecture, depth + 1)

    def _entries(self, descriptor: Descriptor) -> List[Descriptor]:
        return descriptors(parsed(self._blob(descriptor), descriptor.digest), "manifests", descriptor.digest)

    def _manifest(self, descriptor: Descriptor, architecture: str) -> Manifest:
        if descriptor.media_type not in MANIFESTS:
            raise Permanent(f"the layout names a {descriptor.media_type} where an image should be", path="/oci")
        document = parsed(self._blob(descriptor), descriptor.digest)
        layers = descriptors(document, "layers", descriptor.digest)
        if len(layers) > MOST_LAYERS:
            raise Permanent(f"the image has {len(layers)} layers; {MOST_LAYERS} are allowed", path="/oci")
        config = parsed(self._blob(described(document.get("config"), "config")), "its config")
        found = ARCHITECTURES.get(str(config.get("architecture")), str(config.get("architecture")))
        if (config.get("os"), found) != ("linux", architecture):
            why = f"the image is for {config.get('os')} on {found}, and guests here are linux on {architecture}"
            raise Permanent(why, path="/oci")
        rootfs = config.get("rootfs")
        diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
        if not isinstance(diff_ids, list) or len(diff_ids) != len(layers):
            raise Permanent("the image's config does not name one digest for each of its layers", path="/oci")
        if not all(isinstance(item, str) and DIGEST.fullmatch(item) for item in diff_ids):
            raise Permanent("the image's config names a layer by no digest", path="/oci")
        run = config.get("config")
        settings = run if isinstance(run, dict) else {}
        return Manifest(descriptor.digest, architecture, tuple(layers), tuple(diff_ids), settings)

    def _blob(self, descriptor: Descriptor) -> bytes:
        if descriptor.size > LARGEST_DOCUMENT:
            raise Permanent(f"the document {descriptor.digest} has {descriptor.size} bytes", path="/oci/path")
        blob, file = self.open(descriptor)
        with file:
            data = io.BytesIO()
            while chunk := blob.read(65536):
                data.write(chunk)
            blob.finish()
        return data.getvalue()

    def _document(self, name: str) -> bytes:
        file, start, size = self._open(name)
        with file:
            if size > LARGEST_DOCUMENT:
                raise Permanent(f"{name} of {self.path} has {size} bytes", path="/oci/path")
            file.seek(start)
            return file.read(size)

    def _open(self, name: str) -> Tuple[BinaryIO, int, int]:
        """A file of the layout: open, where it begins, how long it is."""
        if self._archive is not None:
            if name not in self._members:
                raise self._missing(name)
            start, size = self._members[name]
            return os.fdopen(os.dup(self._archive.fileno()), "rb", buffering=0), start, size
        assert self._folder is not None
        try:
            descriptor = _open_beneath(self._folder, name)
        except OSError:
            raise self._missing(name) from None
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            raise Permanent(f"{name} of {self.path} is no file", path="/oci/path")
        return os.fdopen(descriptor, "rb"), 0, found.st_size

    def _missing(self, name: str) -> Permanent:
        if name.startswith("blobs/"):
            return Permanent(f"{self.path} lacks {name}", path="/oci/path", mend="Copy the whole image again.")
        mend = "Make one with: skopeo copy docker://IMAGE oci:FOLDER:TAG"
        return Permanent(f"{self.path} is no OCI image layout: there is no {name} in it", path="/oci/path", mend=mend)


def _open_beneath(folder: int, name: str) -> int:
    """A file by a path of which no part is a link. Raises OSError."""
    *above, last = name.split("/")
    current = os.dup(folder)
    try:
        for part in above:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current)
            os.close(current)
            current = inner
        return os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=current)
    finally:
        os.close(current)


def _members(archive: BinaryIO, path: str) -> Dict[str, Tuple[int, int]]:
    """The files of an archive, by name: where each begins and how long it is."""
    try:
        return _listed(Tar(archive.read))
    except BadTar as error:
        archive.close()
        mend = "An archive of a layout is a plain tar, as `skopeo copy … oci-archive:FILE` writes it."
        raise Permanent(f"{path} is no archive of an OCI image layout: {error}", path="/oci/path", mend=mend) from None


def _listed(tar: Tar) -> Dict[str, Tuple[int, int]]:
    found: Dict[str, Tuple[int, int]] = {}
    for entry in tar.entries():
        name = entry.shown[2:] if entry.name.startswith(b"./") else entry.shown
        if entry.kind == "file":
            if name in found:
                raise BadTar(f"{shown(entry.name)} is in it twice")
            found[name] = (tar.position, entry.size)
        if len(found) > _MOST_FILES:
            raise BadTar(f"it has more than {_MOST_FILES} files")
    return found
