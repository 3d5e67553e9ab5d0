"""Content as bytes and as a value: text, `Binary`, a `Blob` beyond 64 KiB, or only a `Verdict` where it is private.

Whatever may be large is read in chunks: no file of any size costs memory.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from typing import Iterator, Optional, Union

from aivp_sdk import Binary, Blob, Json, Permanent, Verdict

TEXT_LIMIT = 64 * 1024
CHUNK = 1024 * 1024
PRIVATE = Verdict(True)
"""What stands for a desired value that must not be shown: it shall match."""


def data_of(content: Json) -> Optional[bytes]:
    """A declared content as bytes; None where none is declared or known, or where it is a blob."""
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, Binary):
        return base64.b64decode(content.base64)
    return None


def size_of(content: Json) -> int:
    """Bytes of a declared content."""
    return content.size if isinstance(content, Blob) else len(data_of(content) or b"")


def chunks_of(content: Json) -> Iterator[bytes]:
    """A declared content in chunks. Raises Permanent for a blob that came without its file."""
    if not isinstance(content, Blob):
        yield data_of(content) or b""
        return
    if content.path is None:
        mend = "This is a bug of whoever sent the request: a blob comes with its file."
        raise Permanent("the content did not come with the request", path="/content", mend=mend)
    with open(content.path, "rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def holds(descriptor: int, content: Json) -> bool:
    """True where an open file, read from its start, has exactly this declared content."""
    if os.fstat(descriptor).st_size != size_of(content):
        return False
    if isinstance(content, Blob):
        return read_bounded(descriptor, 0) == content
    data = data_of(content) or b""
    parts = (data[start : start + CHUNK] for start in range(0, len(data), CHUNK))
    return all(os.read(descriptor, len(part)) == part for part in parts)


def value_of(data: bytes) -> Json:
    """Bytes as they are shown."""
    if len(data) > TEXT_LIMIT:
        return Blob(hashlib.sha256(data).hexdigest(), len(data))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Binary(base64.b64encode(data).decode())


def as_shown(content: Json) -> Json:
    """A declared content as `value_of` shows it where it is there."""
    data = data_of(content)
    return content if data is None else value_of(data)


def is_private(mode: int) -> bool:
    """True for a file that not everybody may read: its content never leaves the host."""
    return not mode & stat.S_IROTH


def read_value(descriptor: int, declared: Json) -> Json:
    """An open file's content as a value, in the declaration's own form where it is the same."""
    found, wanted = read_bounded(descriptor, TEXT_LIMIT), data_of(declared)
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
