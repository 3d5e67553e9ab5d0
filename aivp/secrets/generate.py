"""A project key and a secret's full name → text that looks random and is the same every time.

Why this way: docs/adr/0002-generated-secrets.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

from aivp_contract import canonical

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
"""56 letters and digits, none of which looks like another (no 0 O o, 1 I l): 5.8 bits each."""

LENGTHS = range(8, 1025)

_BLOCK = 1024


def derive(
    key: bytes, *, project: str, environment: str, name: str, version: str, length: int, alphabet: str = ALPHABET
) -> str:
    """`length` characters of `alphabet`. Whatever is passed here takes part: another length is another text."""
    label: dict[str, str | int] = {
        "aivp": "generate/1",
        "project": project,
        "environment": environment,
        "name": name,
        "version": version,
        "length": length,
        "alphabet": alphabet,
    }
    return "".join(islice(_characters(_stream(key, label), alphabet), length))


def _characters(stream: Iterator[int], alphabet: str) -> Iterator[str]:
    """Characters, each as likely as any other: numbers beyond the last multiple of the alphabet's size are dropped."""
    size = len(alphabet)
    width = max(1, ((size - 1).bit_length() + 7) // 8)
    end = 256**width // size * size
    while True:
        number = int.from_bytes(bytes(islice(stream, width)), "big")
        if number < end:
            yield alphabet[number % size]


def _stream(key: bytes, label: dict[str, str | int]) -> Iterator[int]:
    """Bytes without end; RFC 5869 gives at most 8,160 for one label, so blocks are numbered."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    for block in count():
        info = canonical.encode({**label, "block": block})  # canonical JSON: no two labels share their bytes
        yield from HKDF(algorithm=SHA256(), length=_BLOCK, salt=None, info=info).derive(key)
