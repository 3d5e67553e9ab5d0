"""Two texts → the lines of their unified diff, with three lines of context, and how much it adds and removes.

Lines end with a newline and with nothing else: a lost carriage return, tab or final newline is a difference to be seen.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CONTEXT = 3
LARGEST = 4000
"""Differing lines that are still compared line by line (its time is quadratic); beyond, all go and all come."""

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
Opcode = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class TextDiff:
    """`lines`: (sign, text) with sign `+`, `-`, a space, `@` for where a part begins, or `\\` for a remark."""

    lines: Sequence[tuple[str, str]]
    added: int
    removed: int


def diff_texts(before: str, after: str) -> TextDiff:
    """The difference between two texts, line by line."""
    return diff_lines(_LINE.findall(before), _LINE.findall(after))


def diff_lines(before: Sequence[str], after: Sequence[str]) -> TextDiff:
    """The same for lines that keep their newlines."""
    codes = _opcodes(before, after)
    added = sum(to - start for name, _, _, start, to in codes if name != "equal")
    removed = sum(to - start for name, start, to, _, _ in codes if name != "equal")
    hunks = _hunks(codes)
    is_whole = len(hunks) == 1 and hunks[0][0][1] == 0 and hunks[0][-1][2] == len(before)
    lines = [line for hunk in hunks for line in _hunk_lines(hunk, before, after, has_head=not is_whole)]
    return TextDiff(lines, added, removed)


def common(one: str, other: str) -> int:
    """Characters that both begin with. Halves what is left, so that a megabyte costs microseconds."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _opcodes(before: Sequence[str], after: Sequence[str]) -> list[Opcode]:
    """Difflib's opcodes; equal ends are taken off first, and what is too large to compare counts as replaced."""
    shortest = min(len(before), len(after))
    head = next((i for i in range(shortest) if before[i] != after[i]), shortest)
    tail = next((i for i in range(shortest - head) if before[-1 - i] != after[-1 - i]), shortest - head)
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    if len(old) + len(new) > LARGEST or not old or not new:
        middle: list[Opcode] = [("replace", 0, len(old), 0, len(new))] if old or new else []
    else:
        middle = [*difflib.SequenceMatcher(None, old, new).get_opcodes()]
    found = [("equal", 0, head, 0, head)] if head else []
    found += [(name, a + head, b + head, c + head, d + head) for name, a, b, c, d in middle]
    if tail:
        found.append(("equal", len(before) - tail, len(before), len(after) - tail, len(after)))
    return found


def _hunks(codes: Sequence[Opcode]) -> list[list[Opcode]]:
    """Opcodes in groups, with what is equal between them cut down to its context."""
    hunks: list[list[Opcode]] = []
    current: list[Opcode] = []
    for number, (name, a, b, c, d) in enumerate(codes):
        if name != "equal":
            current.append((name, a, b, c, d))
            continue
        is_last = number == len(codes) - 1
        if current and (is_last or b - a > 2 * CONTEXT):
            end = min(b - a, CONTEXT)
            hunks.append([*current, ("equal", a, a + end, c, c + end)])
            current = []
        if not is_last:
            start = max(b - a - CONTEXT, 0) if not current else 0
            current.append(("equal", a + start, b, c + start, d))
    if any(code[0] != "equal" for code in current):
        hunks.append(current)
    return hunks


def _hunk_lines(
    hunk: Sequence[Opcode], before: Sequence[str], after: Sequence[str], *, has_head: bool
) -> Iterator[tuple[str, str]]:
    """`has_head`: the place is named, which says nothing where the texts are shown from begin to end."""
    if has_head:
        a, b, c, d = hunk[0][1], hunk[-1][2], hunk[0][3], hunk[-1][4]
        yield ("@", f"@@ -{_range(a, b)} +{_range(c, d)} @@")
    for name, old_from, old_to, new_from, new_to in hunk:
        if name == "equal":
            yield from _signed(" ", before[old_from:old_to])
        else:
            yield from _signed("-", before[old_from:old_to])
            yield from _signed("+", after[new_from:new_to])


def _signed(sign: str, lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in lines:
        yield (sign, text.removesuffix("\n"))
        if not text.endswith("\n"):
            yield ("\\", "no newline at its end")


def _range(start: int, end: int) -> str:
    """As `diff -u` counts: from 1, an empty range names the line before it."""
    length = end - start
    return f"{start + 1}" if length == 1 else f"{start + (1 if length else 0)},{length}"
