"""Bytes of a people's YAML file → the same in aivp's layout, or why they stay as they are.

The proof is made each time and not trusted to the layout: the language reads the same value, keys in the same order;
every comment is there; laying out once more changes nothing. Otherwise the file is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from aivp.config import yaml
from aivp.config.tokens import scan
from aivp.diagnostics import Diagnostics, Refused, Span
from aivp.diagnostics.diagnostic import refusal
from aivp.edit.fmt.layout import lay_out

CODE = "AIVP0955"

_BOM = b"\xef\xbb\xbf"


def formatted(data: bytes, file: str) -> bytes:
    """`data` in aivp's layout. Raises Refused: it is not YAML as the language reads it, or its layout cannot be kept.

    `file` is the name that positions carry. A byte order mark goes; lines end with LF.
    """
    source = data.removeprefix(_BOM)
    before = read(source, file)
    text = source.decode()
    done = lay_out(text)
    if done == text:
        return done.encode()
    after = read_ours(done, file)
    if after != before:
        raise _refused(file, "its values would not stay the same")
    if list(comments(done)) != list(comments(text)):
        raise _refused(file, "a comment would be lost")
    if lay_out(done) != done:
        raise _refused(file, "it would look different each time")
    return done.encode()


def read(data: bytes, file: str) -> str:
    """What the language reads in `data`, as text that shows types and order. Raises Refused."""
    found = Diagnostics()
    parsed = yaml.parse(data, file, found)
    if parsed is None:
        raise Refused(found.sorted())
    return json.dumps(parsed.value)


def read_ours(text: str, file: str) -> str:
    """The same for what was made here; empty where the language does not read it."""
    try:
        return read(text.encode(), file)
    except Refused:
        return ""


def comments(text: str) -> Iterator[str]:
    """Every comment of `text` that the language reads, from its `#` on, without the blanks behind it."""
    end = 0
    for token in scan(text):
        yield from _in_gap(text[end : token.start])
        source = text[token.start : token.end]
        if token.style in ("|", ">"):
            yield from _in_gap(source.partition("\n")[0])
        end = max(end, token.end)
    yield from _in_gap(text[end:])


def _in_gap(gap: str) -> Iterator[str]:
    for line in gap.replace("\r", "\n").split("\n"):
        _, mark, rest = line.partition("#")
        if mark:
            yield f"#{rest}".rstrip()


def _refused(file: str, why: str) -> Refused:
    mend = "It stays as it is. Please report it, with the file: this is a gap in aivp's layout, not in your file."
    return refusal(CODE, f"{file} is not laid out anew, since {why}.", mend, span=Span(file, 1, 1))
