"""rpm's versions: `[epoch:]version-release` in rpm's own order. Pure.

The order is that of rpm's `rpmvercmp`, with `~` before everything and `^` after the end; a test holds it to a real rpm.
"""

from __future__ import annotations

import re
from functools import cmp_to_key
from typing import Iterable, List, NamedTuple

_PART = re.compile(r"[0-9]+|[A-Za-z]+|[~^]")


class Evr(NamedTuple):
    """Epoch, version and release; `release` is empty where none was given."""

    epoch: int
    version: str
    release: str


def read(text: str) -> Evr:
    """Split `[epoch:]version[-release]`."""
    epoch, colon, rest = text.rpartition(":")
    version, _, release = rest.partition("-")
    return Evr(int(epoch) if colon and epoch.isdigit() else 0, version, release)


def write(epoch: str, version: str, release: str) -> str:
    """As it is declared and shown: the epoch only where there is one."""
    return f"{version}-{release}" if epoch in ("", "0", "(none)") else f"{epoch}:{version}-{release}"


def is_older(one: str, other: str) -> bool:
    """True where `one` comes before `other`."""
    return _compare(one, other) < 0


def newest_first(versions: Iterable[str]) -> List[str]:
    """Without duplicates, in rpm's order."""
    return sorted(sorted(set(versions)), key=cmp_to_key(_compare), reverse=True)


def _compare(one: str, other: str) -> int:
    left, right = read(one), read(other)
    by_epoch = (left.epoch > right.epoch) - (left.epoch < right.epoch)
    return by_epoch or _part_order(left.version, right.version) or _part_order(left.release, right.release)


def _part_order(one: str, other: str) -> int:
    """Segments of digits by number, of letters by text; digits are newer than letters; whoever has more is newer."""
    if one == other:
        return 0
    left, right = _PART.findall(one), _PART.findall(other)
    for mine, theirs in zip(left, right):
        if mine == theirs:
            continue
        if "~" in (mine, theirs):
            return -1 if mine == "~" else 1
        if "^" in (mine, theirs):
            return -1 if mine == "^" else 1
        if mine.isdigit() != theirs.isdigit():
            return 1 if mine.isdigit() else -1
        order = int(mine) - int(theirs) if mine.isdigit() else (mine > theirs) - (mine < theirs)
        if order:
            return order
    if len(left) == len(right):
        return 0
    rest = left[len(right)] if len(left) > len(right) else right[len(left)]
    longer = 1 if len(left) > len(right) else -1
    return -longer if rest == "~" else longer
