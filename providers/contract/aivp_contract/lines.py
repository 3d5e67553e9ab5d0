"""One JSON message a line, at most 4 MiB, over two byte streams: the framing of every link between processes."""

from __future__ import annotations

from typing import BinaryIO, Optional

from .canonical import NotCanonical, decode, encode_wire
from .values import Json

MAX_LINE = 4 * 1024 * 1024
"""Bytes of one message with its newline."""


class BadLine(ValueError):
    """A line that is no message: too long, cut off or not JSON."""


def read_message(stream: BinaryIO) -> Optional[Json]:
    """The next message, None at the end of the stream. Raises BadLine; the stream is then of no further use."""
    line = stream.readline(MAX_LINE + 1)
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


def write_message(stream: BinaryIO, message: Json) -> None:
    """Write one message and flush. Raises BadLine if it is too long, OSError if the other side is gone."""
    line = encode_wire(message) + b"\n"
    if len(line) > MAX_LINE:
        raise BadLine(f"a message longer than {MAX_LINE} bytes")
    stream.write(line)
    stream.flush()
