"""Text of code and manifests → Markdown: the one place where the generated reference escapes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_MARKUP = str.maketrans({letter: f"\\{letter}" for letter in "\\*_[]#|~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"})


def plain(text: str) -> str:
    """Text that shows as it is, in one line; what stands in backquotes stays code."""
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0:
        return "".join(parts).translate(_MARKUP)
    return "".join(code(part) if odd % 2 else part.translate(_MARKUP) for odd, part in enumerate(parts))


def code(text: str) -> str:
    """Text as code, also within a table."""
    line = " ".join(text.split()).replace("|", "\\|")
    return f"`` {line} ``" if "`" in line else f"`{line}`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
