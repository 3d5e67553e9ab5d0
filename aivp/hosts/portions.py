"""What a host is told → messages of a bounded size, in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from aivp_contract.canonical import encode_wire
from aivp_contract.values import Json

MESSAGE = 2 * 1024 * 1024
"""Bytes of items in one message, about."""

T = TypeVar("T")
Items = list[dict[str, Json]]


def portions(items: Items) -> list[Items]:
    """Items in as few messages as their size allows; one that is larger has a message for itself."""
    return _portions(items, lambda item: len(encode_wire(item)))


def portions_of_batches(batches: Iterable[Items]) -> list[list[Items]]:
    """The same of batches: whole ones as far as they fit; one that is too large for one message is cut."""
    pieces = [piece for batch in batches for piece in portions(batch)]
    return _portions(pieces, lambda piece: sum(len(encode_wire(item)) for item in piece))


def _portions(items: Iterable[T], length: Callable[[T], int]) -> list[list[T]]:
    found: list[list[T]] = []
    size = 0
    for item in items:
        more = length(item)
        if not found or size + more > MESSAGE:
            found.append([])
            size = 0
        found[-1].append(item)
        size += more
    return found
