"""Two lines that stand for each other → which words of them differ, as segments; long parts that agree are left out.

Its time is bounded whatever the lines hold: equal ends are taken off first, and what is left of very long lines counts
as different as a whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from aivp.views.outline import Segment, Segments
from aivp.views.text_diff import common

LARGEST = 600
"""Words between the equal ends that are still compared one by one (its time is quadratic)."""

PAIRS = 400
"""Pairs of lines of one place that are still tried, to find those that stand for each other."""

LEAST = 0.4
"""The part of two lines that must be the same, else they are two different lines."""

AROUND = 24
"""Characters that stay on each side of a difference where a long line is cut."""

_WORD = re.compile(r"\w+|\s+|.", re.DOTALL)


def split_pair(before: str, after: str, most: int) -> tuple[Segments, Segments] | None:
    """The same two lines, with the words that differ marked. None where they have too little in common.

    Of what agrees, so much is left out that a line of more than `most` characters shows where it differs.
    """
    head = common(before, after)
    tail = common(before[head:][::-1], after[head:][::-1])
    old, new = _core(before, head, tail), _core(after, head, tail)
    codes = _opcodes(before[old[0] : old[1]], after[new[0] : new[1]])
    same = old[0] + len(before) - old[1] + sum(b - a for name, a, b, _, _ in codes if name == "equal")
    if same < LEAST * max(len(before), len(after)):
        return None
    if len(codes) == 1 and max(len(before), len(after)) <= most:
        return _three(before, *old), _three(after, *new)
    sides = ([(0, old[0], False)], [(0, new[0], False)])
    for name, a, b, c, d in codes:
        sides[0].append((old[0] + a, old[0] + b, name != "equal"))
        sides[1].append((new[0] + c, new[0] + d, name != "equal"))
    sides[0].append((old[1], len(before), False))
    sides[1].append((new[1], len(after), False))
    return _segments(before, sides[0], most), _segments(after, sides[1], most)


def whole(text: str, most: int) -> Segments:
    """A line by itself; what is beyond `most` characters is left out, and says so."""
    if len(text) <= most:
        return (Segment(text),)
    return (Segment(text[:most]), Segment(f"... ({len(text) - most:,} more characters)", "left out"))


def pairs(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Which lines of one place stand for each other, as pairs of their numbers, ascending."""
    if len(before) == len(after):
        yield from ((number, number) for number in range(len(before)))
        return
    if len(before) * len(after) > PAIRS:
        return
    words = [Counter(_WORD.findall(text[:2000])) for text in after]
    start = 0
    for number, text in enumerate(before):
        own = Counter(_WORD.findall(text[:2000]))
        found = max(range(start, len(after)), key=lambda other: _likeness(own, words[other]), default=None)
        if found is not None and _likeness(own, words[found]) >= LEAST:
            yield number, found
            start = found + 1


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """0 to 1: words that both have, but for blanks, by their length."""
    shared = sum(len(word) * count for word, count in (one & other).items() if not word.isspace())
    longest = max(sum(len(w) * n for w, n in side.items() if not w.isspace()) for side in (one, other))
    return shared / longest if longest else 0.0


def _core(text: str, head: int, tail: int) -> tuple[int, int]:
    """What is left between equal ends, widened to whole words."""
    size = len(text)
    start, end = head, size - tail
    while start and (text[start - 1].isalnum() or text[start - 1] == "_") and head - start < 100:
        start -= 1
    while end < size and (text[end].isalnum() or text[end] == "_") and end + tail - size < 100:
        end += 1
    return start, end


Code = tuple[str, int, int, int, int]


def _three(text: str, start: int, end: int) -> Segments:
    """A short line of which one part differs."""
    parts = (Segment(text[:start]), Segment(text[start:end], "changed"), Segment(text[end:]))
    return tuple(item for item in parts if item.text)


def _opcodes(before: str, after: str) -> list[Code]:
    """Difflib's opcodes of the words, in characters."""
    if max(len(before), len(after)) > 20 * LARGEST:
        return [("replace", 0, len(before), 0, len(after))]
    old, new = _WORD.findall(before), _WORD.findall(after)
    if len(old) + len(new) > LARGEST or set(old).isdisjoint(new):
        return [("replace", 0, len(before), 0, len(after))]
    starts = [_starts(old), _starts(new)]
    found = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [(n, starts[0][a], starts[0][b], starts[1][c], starts[1][d]) for n, a, b, c, d in found]


def _starts(words: Sequence[str]) -> list[int]:
    """Where each word begins, and where the last one ends."""
    found = [0]
    for word in words:
        found.append(found[-1] + len(word))
    return found


def _segments(text: str, spans: Sequence[tuple[int, int, bool]], most: int) -> Segments:
    """Runs of what agrees and what differs; a lone blank between two differences belongs to them."""
    merged: list[tuple[int, int, bool]] = []
    for number, (start, end, is_changed) in enumerate(spans):
        between = merged and merged[-1][2] and any(span[2] and span[1] > span[0] for span in spans[number + 1 :])
        if start == end:
            continue
        joins = is_changed or (bool(between) and end - start == 1 and text[start:end].isspace())
        if merged and merged[-1][2] == joins:
            merged[-1] = (merged[-1][0], end, joins)
        else:
            merged.append((start, end, joins))
    found: list[Segment] = []
    for number, (start, end, is_changed) in enumerate(merged):
        part = text[start:end]
        if is_changed:
            found += _cut(part, most // 2)
        elif len(text) > most and end - start > 4 * AROUND:
            found += _elided(part, is_first=number == 0, is_last=number == len(merged) - 1)
        else:
            found.append(Segment(part))
    return tuple(found)


def _cut(part: str, most: int) -> list[Segment]:
    if len(part) <= most:
        return [Segment(part, "changed")]
    return [Segment(part[:most], "changed"), Segment(f"...({len(part) - most:,} characters)...", "left out")]


def _elided(part: str, *, is_first: bool, is_last: bool) -> list[Segment]:
    head = "" if is_first else part[:AROUND]
    tail = "" if is_last else part[-AROUND:]
    left = len(part) - len(head) - len(tail)
    middle = Segment(f"...({left:,} characters)..." if head and tail else f"...({left:,} characters)", "left out")
    return [item for item in (Segment(head), middle, Segment(tail)) if item.text]
