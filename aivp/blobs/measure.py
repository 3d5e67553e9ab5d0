"""An open file → its blob, in bounded memory, with the signature by which a later look tells that it is still the same.

The signature spares a second reading within one command, never a check: whoever receives the bytes takes their digest.
"""

from __future__ import annotations

import hashlib
import os
from typing import BinaryIO

from aivp_contract.values import Blob

from aivp.config.text import too_large
from aivp.diagnostics import Refused, Span

INLINE = 64 * 1024
"""Bytes of content that stand inside IR and plan, where a review shows them line by line."""

LARGEST = 64 * 1024**3
"""Bytes of one blob: more is a mistake rather than a source."""

CHUNK = 1024 * 1024

Signature = tuple[int, ...]


def signature(descriptor: int) -> Signature:
    """What the kernel changes when it changes an open file: device, inode, size, times of content and inode in ns."""
    found = os.fstat(descriptor)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def measure(file: BinaryIO, name: str, span: Span | None = None, *, size: int | None = None) -> Blob:
    """The blob of `size` bytes of what follows, or of all. Raises OSError, or Refused (AIVP0105) beyond LARGEST."""
    digest, total = hashlib.sha256(), 0
    while size is None or total < size:
        most = CHUNK if size is None else min(CHUNK, size - total)
        chunk = file.read(most)
        if not chunk:
            break
        digest.update(chunk)
        total += len(chunk)
        if total > LARGEST:
            raise Refused((too_large(name, LARGEST, span),))
    return Blob(digest.hexdigest(), total)
