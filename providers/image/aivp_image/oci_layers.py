"""A manifest's layers → a tree and a pool of contents: unpacked as streams, bounded, their digests checked on the way.

A content is a file `pool/NUMBER` of our own that nobody else may read. Nothing is named after what a layer says, and
nothing is made of the tree before the last digest is right.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, List, Optional

from aivp_sdk import Permanent

from .oci_documents import Descriptor
from .oci_layout import Blob, Layout, Manifest
from .oci_tar import BadTar, Read, Tar
from .oci_tree import Hostile, Limits, TooLarge, Tree

CHUNK = 256 * 1024
MOST_RATIO = 200
"""What comes out for each byte that went in; real layers have 2 to 10, archives of text up to 50."""
RATIO_FROM = 64 * 1024 * 1024
"""Bytes from which on the ratio counts."""
_ZSTD_MEMORY = "128MiB"
_TYPES = {
    "application/vnd.oci.image.layer.v1.tar": "",
    "application/vnd.oci.image.layer.v1.tar+gzip": "gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd": "zstd",
    "application/vnd.docker.image.rootfs.diff.tar": "",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd": "zstd",
}

Tell = Callable[[str, float, float], None]
"""What is being done, how much of it is done, and of how much."""


def unpack(layout: Layout, manifest: Manifest, pool: Path, limits: Limits, tell: Tell) -> Tree:
    """The tree of all layers; the content numbered n is the file `pool/n`. Raises Permanent for what is hostile."""
    pool.mkdir(mode=0o700)
    tree = Tree(limits)
    filling = _Filling(tree, pool)
    total = sum(layer.size for layer in manifest.layers)
    done = 0
    for number, (layer, diff_id) in enumerate(zip(manifest.layers, manifest.diff_ids), 1):
        where = f"layer {number} of {len(manifest.layers)}"
        blob, file = layout.open(layer)
        with file:
            before = done

            def tell_on(where: str = where, before: int = before, blob: Blob = blob) -> None:
                tell(f"unpacking {where}", before + blob.taken, total)

            try:
                _unpack_layer(blob, layer, diff_id, filling, tell_on)
            except (Hostile, BadTar, zlib.error) as error:
                mend = "Do not use this image, unless you know why it was built so."
                if isinstance(error, TooLarge):
                    mend = "If that is how large it is: `disk: {size: ...}`."
                raise Permanent(f"{where} ({layer.digest}) is refused: {error}", path="/oci", mend=mend) from None
            blob.finish()
        done += layer.size
    tell("unpacked", total, total)
    return tree


def _unpack_layer(blob: Blob, layer: Descriptor, diff_id: str, filling: _Filling, tell: Callable[[], None]) -> None:
    if layer.media_type not in _TYPES:
        raise Hostile(f"it is a {layer.media_type}, which aivp cannot read")
    with _opened(blob, _TYPES[layer.media_type]) as read:
        stream = _Measured(read, diff_id, layer.size, tell)
        filling.fill(Tar(stream.read))
        stream.finish()


class _Filling:
    """Puts entries into the tree, and their contents into the pool."""

    def __init__(self, tree: Tree, pool: Path) -> None:
        self.tree = tree
        self.pool = pool
        self._count = 0

    def fill(self, tar: Tar) -> None:
        self.tree.begin_layer()
        for entry in tar.entries():
            if not self.tree.admit(entry):
                continue
            content = self._keep(tar) if entry.kind == "file" and entry.size else 0
            self.tree.add(entry, content)
            for dropped in self.tree.dropped:
                os.unlink(self.pool / str(dropped))
            self.tree.dropped.clear()

    def _keep(self, tar: Tar) -> int:
        self._count += 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(self.pool / str(self._count), flags, 0o600), "wb", buffering=0) as file:
            file.writelines(tar.content())
        return self._count


class _Measured:
    """The bytes of a layer as they come out: counted against what went in, and digested."""

    def __init__(self, read: Read, diff_id: str, packed: int, tell: Callable[[], None]) -> None:
        algorithm, _, self._wanted = diff_id.partition(":")
        self._read = read
        self._hash = hashlib.new(algorithm)
        self._most = max(packed * MOST_RATIO, RATIO_FROM)
        self._packed = packed
        self._count = 0
        self._tell = tell
        self._told = 0
        self._ready = b""
        self._taken = 0

    def read(self, size: int) -> bytes:
        """Unpacked in large pieces, handed on in small ones."""
        if self._taken >= len(self._ready):
            self._ready, self._taken = self._next(), 0
        data = self._ready[self._taken : self._taken + size]
        self._taken += len(data)
        return data

    def _next(self) -> bytes:
        data = self._read(CHUNK)
        self._count += len(data)
        if self._count > self._most:
            raise Hostile(f"its {self._packed} bytes unpack to more than {self._most}, which nothing does by itself")
        self._hash.update(data)
        if self._count - self._told > 16 * 1024 * 1024:
            self._told = self._count
            self._tell()
        return data

    def finish(self) -> None:
        if self._hash.hexdigest() != self._wanted:
            raise Hostile("it unpacks to something else than the image's config says")


@contextmanager
def _opened(blob: Blob, packing: str) -> Iterator[Read]:
    """What reads the unpacked bytes."""
    if packing == "gzip":
        yield _Gunzip(blob).read
    elif packing == "zstd":
        with _zstd(blob) as read:
            yield read
    else:
        yield blob.read


class _Gunzip:
    """Members one after the other, as everybody reads them; never more in memory than was asked for."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._packed = b""
        self._unpacking: Optional[zlib._Decompress] = None

    def read(self, size: int) -> bytes:
        while True:
            if self._unpacking is None:
                self._packed = self._packed or self._blob.read(CHUNK)
                if not self._packed:
                    return b""
                self._unpacking = zlib.decompressobj(wbits=31)
            data = self._unpacking.decompress(self._packed, size)
            if self._unpacking.eof:
                self._packed = self._unpacking.unused_data
                self._unpacking = None
            else:
                self._packed = self._unpacking.unconsumed_tail
                if not data and not self._packed:
                    self._packed = self._blob.read(CHUNK)
                    if not self._packed:
                        raise BadTar("its gzip stream is cut off")
            if data:
                return data


@contextmanager
def _zstd(blob: Blob) -> Iterator[Read]:
    """The `zstd` program between two pipes, its memory bounded; a thread feeds it. Raises Permanent without it."""
    import threading

    program = shutil.which("zstd", path="/usr/local/bin:/usr/bin:/bin")
    if program is None:
        mend = "Install it on this host (apt-get install zstd), or copy the image with: --dest-compress-format gzip"
        raise Permanent("a layer is packed with zstd, and there is no zstd on this host", path="/oci", mend=mend)
    process = subprocess.Popen(
        [program, "--decompress", "--stdout", "--quiet", "--no-progress", f"--memory={_ZSTD_MEMORY}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    into, out = process.stdin, process.stdout
    failed: List[BaseException] = []

    def feed() -> None:
        try:
            while data := blob.read(CHUNK):
                into.write(data)
        except BrokenPipeError:
            pass
        except BaseException as error:  # noqa: BLE001  # handed on to whoever reads
            failed.append(error)
        finally:
            try:
                into.close()
            except BrokenPipeError:
                pass

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()

    def read(size: int) -> bytes:
        data = out.read(size)
        if not data:
            feeder.join()
            if failed:
                raise failed[0]
            if process.wait() != 0:
                raise BadTar("its zstd stream is damaged, cut off, or needs more than 128 MiB of memory")
        return data

    try:
        yield read
    finally:
        process.kill()
        process.wait()
        feeder.join()
        out.close()
