"""Many names → few words that still say every one of them: `web001 .. web100` instead of a hundred names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

LEAST = 3
"""Names in a row that are told as their first and last."""

LONGEST = 18
"""Digits of a number that is still counted with."""

_NUMBER = re.compile(r"[0-9]+")

Key = tuple[str, str, int, str]


def name_spans(names: Iterable[str]) -> list[str]:
    """The names in natural order; those that count upward by one, with the same text around, as `first .. last`."""
    runs: list[list[tuple[Key, str]]] = []
    for item in sorted((_key(name), name) for name in set(names)):
        if runs and _follows(runs[-1][-1][0], item[0]):
            runs[-1].append(item)
        else:
            runs.append([item])
    found: list[str] = []
    for run in runs:
        if len(run) >= LEAST:
            found.append(f"{run[0][1]} .. {run[-1][1]}")
        else:
            found += [name for _, name in run]
    return found


def sorted_names(names: Iterable[str]) -> list[str]:
    """Names in natural order: 9 before 10."""
    return [name for _, name in sorted((_key(name), name) for name in names)]


def few(names: Sequence[str], most: int) -> tuple[str, int]:
    """The first `most` spans, and how many further names there are."""
    spans = name_spans(names)
    if len(spans) <= most:
        return ", ".join(spans), 0
    shown = sorted_names(set(names))[:most]
    return ", ".join(shown), len(set(names)) - len(shown)


def _key(name: str) -> Key:
    """Text before, text behind, number, its digits: of the last number before the host, or else of the host's."""
    end = name.find("@") if "@" in name else len(name)
    found = [*_NUMBER.finditer(name, 0, end)] or [*_NUMBER.finditer(name, end)]
    if not found:
        return (name, "", -1, "")
    digits = found[-1][0]
    return (name[: found[-1].start()], name[found[-1].end() :], int(digits[:LONGEST]), digits)


def _follows(one: Key, other: Key) -> bool:
    """True where `other` is the next name after `one`: `9` then `10`, `09` then `10`, never `9` then `010`."""
    has_number = one[2] >= 0 and other[2] == one[2] + 1 and max(len(one[3]), len(other[3])) < LONGEST
    is_padded = one[3].startswith("0") or other[3].startswith("0")
    return one[:2] == other[:2] and has_number and (not is_padded or len(one[3]) == len(other[3]))
