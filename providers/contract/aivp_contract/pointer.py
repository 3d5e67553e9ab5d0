"""JSON pointers (RFC 6901) for messages and changes."""

from __future__ import annotations

from typing import Iterable, List, Tuple, Union


def pointer(path: Iterable[Union[str, int]]) -> str:
    """`("a", "b/c", 0)` → `/a/b~1c/0`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def parts(text: str) -> Tuple[str, ...]:
    """`/a/b~1c/0` → `("a", "b/c", "0")`."""
    if not text:
        return ()
    found: List[str] = text.split("/")[1:]
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in found)
