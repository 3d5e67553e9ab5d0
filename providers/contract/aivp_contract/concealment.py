"""Text and secrets → the text without any of them, however they are spelled in it. For hosts and the controller."""

from __future__ import annotations

import functools
import json
import re
import shlex
from typing import FrozenSet, Iterable, Iterator, Optional

SHORTEST = 4
"""Characters of a line, or of a text in another spelling, that are looked for by themselves."""

CUT = "\n[...]\n"
"""What stands in place of the middle of an output that was too long."""


def without(text: str, secrets: Iterable[str]) -> str:
    """`text` with `(secret)` in place of each secret, each of its lines, and other spellings of them."""
    return pattern.sub("(secret)", text) if (pattern := _pattern(frozenset(secrets))) is not None else text


@functools.lru_cache(maxsize=4)
def _pattern(secrets: FrozenSet[str]) -> Optional[re.Pattern[str]]:
    """All of them at once, the longest first: what was put in is not looked at again."""
    forms = {form for secret in secrets for form in _spellings(secret)}
    return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None


def _spellings(secret: str) -> Iterator[str]:
    yield secret
    texts = [secret.strip(), *(line.strip() for line in secret.splitlines())]
    for text in texts:
        for form in (text, repr(text)[1:-1], json.dumps(text)[1:-1], shlex.quote(text).strip("'")):
            if len(form) >= SHORTEST:
                yield form


def without_pieces(text: str, secrets: Iterable[str]) -> str:
    """`without`, and at each cut also without the beginning or end of a secret whose rest was cut away."""
    known = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
    parts = text.split(CUT)
    for index, part in enumerate(parts):
        end = 0 if index == len(parts) - 1 else max((_overlap(part, secret) for secret in known), default=0)
        begin = 0 if index == 0 else max((_overlap(secret, part) for secret in known), default=0)
        parts[index] = without(part[begin : max(begin, len(part) - end)], known)
    return CUT.join(parts)


def _overlap(left: str, right: str) -> int:
    """Characters at the end of `left` that are a beginning of `right`."""
    return next((size for size in range(min(len(left), len(right)), 0, -1) if left.endswith(right[:size])), 0)
