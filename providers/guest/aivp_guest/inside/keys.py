"""Random bytes → an Ed25519 key as OpenSSH keeps it (RFC 8032; PROTOCOL.key of OpenSSH).

`ssh-keygen` takes longer to start in an emulated machine than all else that makes a copy its own (ADR 0048). What takes
time here depends on the key, but nobody else is there yet to measure it.
"""

from __future__ import annotations

import base64
import importlib
import os
import struct
from contextlib import suppress
from typing import NamedTuple, Tuple

_TYPE = b"ssh-ed25519"
_P = 2**255 - 19
_D = -121665 * pow(121666, _P - 2, _P) % _P

_Point = Tuple[int, int, int, int]  # extended coordinates


class Key(NamedTuple):
    """The contents of a key's two files."""

    private: str
    public: str


def host_key(seed: bytes) -> Key:
    """The key of these 32 random bytes."""
    public = public_of(seed)
    blob = _string(_TYPE) + _string(public)
    check = os.urandom(4)
    secret = check + check + blob + _string(seed + public) + _string(b"")
    secret += bytes(range(1, 1 + -len(secret) % 8))
    whole = b"openssh-key-v1\0" + _string(b"none") + _string(b"none") + _string(b"") + struct.pack(">I", 1)
    text = base64.b64encode(whole + _string(blob) + _string(secret)).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    private = "\n".join(["-----BEGIN OPENSSH PRIVATE KEY-----", *lines, "-----END OPENSSH PRIVATE KEY-----", ""])
    return Key(private, f"{_TYPE.decode()} {base64.b64encode(blob).decode()}\n")


def public_of(seed: bytes) -> bytes:
    """The public half, 32 bytes."""
    number = bytearray(_sha512(seed)[:32])
    number[0] &= 248
    number[31] = number[31] & 127 | 64
    x, y, z, _ = _times(int.from_bytes(number, "little"))
    inverse = pow(z, _P - 2, _P)
    return ((y * inverse % _P) | (x * inverse % _P & 1) << 255).to_bytes(32, "little")


def _times(number: int) -> _Point:
    y = 4 * pow(5, _P - 2, _P) % _P
    x = _root((y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P)
    found: _Point = (0, 1, 1, 0)
    power: _Point = (x, y, 1, x * y % _P)
    while number:
        if number & 1:
            found = _plus(found, power)
        power = _plus(power, power)
        number >>= 1
    return found


def _plus(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _root(square: int) -> int:
    """The even square root."""
    root = pow(square, (_P + 3) // 8, _P)
    if (root * root - square) % _P:
        root = root * pow(2, (_P - 1) // 4, _P) % _P
    return root if root % 2 == 0 else _P - root


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _sha512(data: bytes) -> bytes:
    """`hashlib` loads OpenSSL first, which takes longer in an emulated machine than the key does."""
    for name in ("_sha512", "_sha2"):  # until Python 3.11, and since
        with suppress(ImportError):
            return bytes(importlib.import_module(name).sha512(data).digest())
    return bytes(importlib.import_module("hashlib").sha512(data).digest())
