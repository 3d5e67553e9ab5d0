"""One JSON message a line, at most 4 MiB, over two byte streams: the framing of every link between processes.

On the link to a host that is far away a longer line may come packed: `~SIZE`, and as many bytes of zlib. That saves
round trips, of which a line of 20 KB takes more than one, and leaves alone what travels beside the messages.
"""

from __future__ import annotations

import zlib
from typing import BinaryIO, Optional

from .canonical import NotCanonical, decode, encode_wire
from .values import Json

MAX_LINE = 4 * 1024 * 1024
"""Bytes of one message with its newline."""


PACKED_FROM = 4096
"""Bytes of a line from which on it is packed, where it may be."""


class BadLine(ValueError):
    """A line that is no message: too long, cut off or not JSON."""


def read_message(stream: BinaryIO, may_be_packed: bool = False) -> Optional[Json]:
    """The next message, None at the end of the stream. Raises BadLine; the stream is then of no further use."""
    line = stream.readline(MAX_LINE + 1)
    if may_be_packed and line.startswith(b"~"):
        line = _unpacked(stream, line)
    if not line:
        return None
    if len(line) > MAX_LINE:
        raise BadLine(f"a message longer than {MAX_LINE} bytes")
    if not line.endswith(b"\n"):
        raise BadLine("the stream ended inside a message")
    try:
        message = decode(line)
    except NotCanonical as error:
        raise BadLine(f"not a JSON message: {error}") from None
    if type(message) is not dict:
        raise BadLine("a message is a JSON object")
    return message


def write_message(stream: BinaryIO, message: Json, packs: bool = False) -> None:
    """Write one message and flush. Raises BadLine if it is too long, OSError if the other side is gone."""
    line = encode_wire(message) + b"\n"
    if len(line) > MAX_LINE:
        raise BadLine(f"a message longer than {MAX_LINE} bytes")
    if packs and len(line) >= PACKED_FROM:
        packed = zlib.compress(line, 1)
        line = b"~%d\n" % len(packed) + packed
    stream.write(line)
    stream.flush()


def _unpacked(stream: BinaryIO, head: bytes) -> bytes:
    """The line, however small its packed form: never more than one may be long."""
    digits = head[1:-1]
    size = int(digits) if digits.isdigit() and len(digits) < 8 else 0
    if not 0 < size <= MAX_LINE:
        raise BadLine("a packed message of no size")
    data = stream.read(size)
    if len(data) != size:
        raise BadLine("the stream ended inside a message")
    unpacking = zlib.decompressobj()
    try:
        line = unpacking.decompress(data, MAX_LINE + 1)
    except zlib.error:
        raise BadLine("a packed message that is none") from None
    if len(line) <= MAX_LINE and not unpacking.eof:
        raise BadLine("a packed message that is cut off")
    return line
