"""Text from anywhere → Markdown that shows it as it is: the sole door of escaping for this sink.

Whatever is not ours stands in code: a span, a fenced block, or `<code>` where HTML stands. There neither GitHub nor
GitLab reads markup, HTML, links, `@mentions`, `#12` or emoji, and entities alone would not do: mentions are looked for
after they are resolved. What is invisible or turns the writing around is made visible first, as for terminals.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from aivp.views import escape

_TICKS = re.compile("`+")
_HARMLESS = re.compile(r"[A-Za-z0-9 ,-]*")
_MARKER = re.compile(r"[^A-Za-z0-9_./]")


def span(text: str, most: int = 400) -> str:
    """A code span on one line; of an empty text, one with a blank."""
    shown = escape.line(text, most)
    ticks = "`" * (_longest(shown) + 1)
    pad = " " if not shown.strip(" ") or shown[0] in "` " or shown[-1] in "` " else ""
    return f"{ticks}{pad}{shown or ' '}{pad}{ticks}"


def fence(lines: Sequence[str], language: str) -> str:
    """A fenced block of these lines, which no line of it can end. `language` is ours."""
    shown = [escape.line(text, len(text)) for text in lines]
    ticks = "`" * max(3, max(map(_longest, shown), default=0) + 1)
    return "\n".join((f"{ticks}{language}", *shown, ticks))


def code(text: str, most: int = 400) -> str:
    """`<code>` for a line of HTML, such as that of `<summary>`, where Markdown is not read."""
    return f"<code>{html.escape(escape.line(text, most))}</code>"


def summary(text: str) -> str:
    """Words of ours with a name of somebody's in them, for a line of HTML: as code where they hold anything unusual."""
    return text if _HARMLESS.fullmatch(text) else code(text)


def marker(text: str) -> str:
    """A comment that is not shown, the same for the same text, by which a program finds what it wrote before."""
    return f"<!-- {_MARKER.sub(lambda match: f'%{ord(match[0]):02X}', text[:400])} -->"


def size(text: str) -> int:
    """Characters as forges count them: in UTF-16."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _longest(text: str) -> int:
    return max(map(len, _TICKS.findall(text)), default=0)
