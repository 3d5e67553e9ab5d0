"""Steps → messages of a bounded size, whole batches as far as they fit."""

from __future__ import annotations

from collections.abc import Sequence

from aivp_contract.canonical import encode_wire
from aivp_contract.values import Json

MESSAGE = 2 * 1024 * 1024
"""Bytes of steps in one message, about."""

Items = list[dict[str, Json]]


def portions(batches: Sequence[Items]) -> list[list[Items]]:
    """Batches in as few messages as their size allows; a batch too large for one message is cut in two."""
    found: list[list[Items]] = [[]]
    size = 0
    for batch in batches:
        for piece in _pieces(batch):
            length = sum(len(encode_wire(item)) for item in piece)
            if found[-1] and size + length > MESSAGE:
                found.append([])
                size = 0
            found[-1].append(piece)
            size += length
    return [portion for portion in found if portion]


def _pieces(batch: Items) -> list[Items]:
    found: list[Items] = [[]]
    size = 0
    for item in batch:
        length = len(encode_wire(item))
        if found[-1] and size + length > MESSAGE:
            found.append([])
            size = 0
        found[-1].append(item)
        size += length
    return [piece for piece in found if piece]
