"""Bytes of a guest's port ↔ frames; the same on both sides of it, and on the socket that clients use.

A port loses the rest of a frame whenever one side ends in the middle of it. So each frame can be recognised by itself
(mark and checksum), a side that begins sends zeros first, as many as a frame can be long, and a decoder looks for
the next frame after anything else. Knows nothing of what frames mean.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

PORT = "org.aivp.guest.0"
"""The name of the virtio-serial port."""

VERSION = 1
WINDOW = 256 * 1024
"""Bytes of a stream that may be on their way in each direction, before its receiver grants more."""

MESSAGE = 4 * 1024 * 1024
"""Bytes that a message of several frames may have."""

# What frames say. From the host: OPEN, START, IN, EOF, CONTROL, CANCEL; from the guest: HERE, READY, OUT, ERR, END;
# from both: CREDIT.
# GAP is never sent: a decoder says by it that bytes came that were no frame, so that whatever went on may miss some.
GAP = 0
OPEN, HERE, READY, START, IN, OUT, ERR, EOF, CREDIT, CONTROL, CANCEL, END = range(1, 13)

_MARK = b"\xaaVP1"
_HEADER = struct.Struct(">4sBBHII")  # mark, kind, whether more follows, bytes of payload, stream, checksum
_CREDIT = struct.Struct(">I")

PAYLOAD = 32 * 1024 - _HEADER.size  # the kernel takes 32 KiB of a port at once
BEGINNING = bytes(32 * 1024)
"""What a side sends first: ends any frame of which it had sent a part."""


class Frame(NamedTuple):
    """One frame. `stream` is 0 where it belongs to none; `is_more`: the next one of its stream goes on with it."""

    kind: int
    stream: int
    payload: bytes
    is_more: bool = False


class BadMessage(ValueError):
    """What came is no message: too long, not JSON, or no object."""


def encode(kind: int, stream: int = 0, payload: bytes = b"", is_more: bool = False) -> bytes:
    """One frame; at most PAYLOAD bytes."""
    start = _HEADER.pack(_MARK, kind, is_more, len(payload), stream, 0)
    checksum = zlib.crc32(payload, zlib.crc32(start[4:12]))
    return start[:12] + _CREDIT.pack(checksum) + payload


def encode_message(kind: int, stream: int, message: Dict[str, Any]) -> bytes:
    """An object as JSON in as many frames as it takes. Raises BadMessage."""
    text = json.dumps(message).encode()
    if len(text) > MESSAGE:
        raise BadMessage(f"a message of {len(text)} bytes")
    cuts = range(0, len(text), PAYLOAD)
    return b"".join(encode(kind, stream, text[at : at + PAYLOAD], at + PAYLOAD < len(text)) for at in cuts)


def encode_credit(stream: int, size: int) -> bytes:
    """`size` further bytes of the stream may be sent."""
    return encode(CREDIT, stream, _CREDIT.pack(size))


def credit(frame: Frame) -> int:
    """What such a frame grants; 0 for one that is none."""
    return int(_CREDIT.unpack(frame.payload)[0]) if len(frame.payload) == _CREDIT.size else 0


def pieces(data: bytes) -> Iterator[bytes]:
    """The data in payloads."""
    return (data[at : at + PAYLOAD] for at in range(0, len(data), PAYLOAD))


class Decoder:
    """Puts frames together; never holds more than one frame and what came last. `skipped`: bytes that were none."""

    def __init__(self) -> None:
        self.skipped = 0
        self._is_in_gap = False
        self._buffer = bytearray()

    def feed(self, data: bytes) -> List[Frame]:
        """The frames that are complete with this, and one GAP for each run of bytes between that are none."""
        buffer = self._buffer
        buffer += data
        frames: List[Frame] = []
        at = 0
        while len(buffer) - at >= _HEADER.size:
            mark, kind, more, length, stream, checksum = _HEADER.unpack_from(buffer, at)
            if mark != _MARK or length > PAYLOAD:
                found = buffer.find(_MARK, at + 1)
                following = found if found >= 0 else max(at + 1, len(buffer) - len(_MARK) + 1)
            else:
                following = at + _HEADER.size + length
                if following > len(buffer):
                    break
                payload = bytes(buffer[at + _HEADER.size : following])
                if zlib.crc32(payload, zlib.crc32(bytes(buffer[at + 4 : at + 12]))) == checksum:
                    frames.append(Frame(kind, stream, payload, bool(more)))
                    self._is_in_gap = False
                    at = following
                    continue
                # Passed over as a whole, or garbage would be costly; what begins a session comes after that many zeros.
            if not self._is_in_gap:
                frames.append(Frame(GAP, 0, b""))
                self._is_in_gap = True
            self.skipped += following - at
            at = following
        del buffer[:at]
        return frames


class Messages:
    """Puts messages together from frames; parts of one stream follow each other, whatever comes between them."""

    def __init__(self) -> None:
        self._parts: Dict[int, bytearray] = {}

    def add(self, frame: Frame) -> Optional[Dict[str, Any]]:
        """The message that is complete with this frame. Raises BadMessage."""
        text = self._parts.pop(frame.stream, bytearray())
        text += frame.payload
        if len(text) > MESSAGE:
            raise BadMessage(f"a message of more than {MESSAGE} bytes")
        if frame.is_more:
            self._parts[frame.stream] = text
            return None
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            raise BadMessage("no JSON") from None
        if not isinstance(message, dict):
            raise BadMessage("no object")
        return message

    def drop(self, stream: int) -> None:
        """Forget the parts of a stream that has ended."""
        self._parts.pop(stream, None)
