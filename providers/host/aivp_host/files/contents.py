"""Content as bytes and as a value: text, `Binary`, a `Blob` beyond 64 KiB, or only a `Verdict` where it is private."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from typing import Optional, Union

from aivp_sdk import Binary, Blob, Json, Permanent, Verdict

TEXT_LIMIT = 64 * 1024
CHUNK = 1024 * 1024
PRIVATE = Verdict(True)
"""What stands for a desired value that must not be shown: it shall match."""


def data_of(content: Json) -> Optional[bytes]:
    """A declared content as bytes; None where none is declared or known."""
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, Binary):
        return base64.b64decode(content.base64)
    if isinstance(content, Blob):
        mend = "Bring it as a package, or fetch it with a command."
        raise Permanent("content beyond 64 KiB comes with blobs", path="/content", mend=mend)
    return None


def value_of(data: bytes) -> Json:
    """Bytes as they are shown."""
    if len(data) > TEXT_LIMIT:
        return Blob(hashlib.sha256(data).hexdigest(), len(data))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Binary(base64.b64encode(data).decode())


def is_private(mode: int) -> bool:
    """True for a file that not everybody may read: its content never leaves the host."""
    return not mode & stat.S_IROTH


def read_value(descriptor: int, wanted: Optional[bytes], declared: Json) -> Json:
    """An open file's content as a value, in the declaration's own form where it is the same."""
    found = read_bounded(descriptor, TEXT_LIMIT)
    if isinstance(found, bytes):
        return declared if found == wanted else value_of(found)
    if wanted is not None and found == value_of(wanted):
        return declared if isinstance(declared, Binary) else found
    return found


def read_bounded(descriptor: int, limit: int) -> Union[bytes, Blob]:
    """All bytes of an open file if there are not more than `limit`, else their digest."""
    data = os.read(descriptor, limit + 1)
    while 0 < len(data) <= limit:
        more = os.read(descriptor, limit + 1 - len(data))
        if not more:
            return data
        data += more
    if not data:
        return data
    digest, size = hashlib.sha256(data), len(data)
    while True:
        data = os.read(descriptor, CHUNK)
        if not data:
            return Blob(digest.hexdigest(), size)
        digest.update(data)
        size += len(data)
