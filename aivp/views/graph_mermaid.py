"""A picture of the graph → Mermaid, as GitHub and GitLab draw it in a comment. Escaping for it happens here alone.

Both refuse what is larger than MOST_TEXT or has more than MOST_ARROWS arrows: the picture is folded until it fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from aivp.model.resource import EdgeType
from aivp.views import escape
from aivp.views.graph_fold import MOST, folded
from aivp.views.graph_layout import shortened
from aivp.views.graph_picture import Box, Picture
from aivp.views.step_text import SIGNS

MOST_TEXT, MOST_ARROWS = 50_000, 500
"""Mermaid's own limits: maxTextSize and maxEdges."""

_LINES: Final[Mapping[EdgeType, str]] = {
    "reference": "-->",
    "depends": "==>",
    "notify": "-.->|notify|",
    "host": "==>",
    "implied": "-.->",
}
_CLASSES: Final = {
    "good": "fill:#e6f5ec,stroke:#15693a,color:#1d232b",
    "change": "fill:#fcf2df,stroke:#855000,color:#1d232b",
    "bad": "fill:#fdebe9,stroke:#ad231b,color:#1d232b,stroke-width:2px",
    "accent": "fill:#e7f0fb,stroke:#0a5bb8,color:#1d232b",
    "faint": "stroke-dasharray:4 3",
}
_PLAIN = re.compile(r"[^A-Za-z0-9 ._/@:,+~*=()-]")


def graph_mermaid(picture: Picture, most: int = MOST) -> str:
    """A flowchart of `picture`, folded to at most `most` boxes or as far as Mermaid's limits ask for."""
    while True:
        drawn = folded(picture, most)
        text = "\n".join(_lines(drawn)) + "\n"
        if (len(text) <= MOST_TEXT and len(drawn.arrows) <= MOST_ARROWS) or most <= 4:
            return text
        most //= 2


def quoted(text: str) -> str:
    """A label in quotes in which every unusual character is a numeric entity: no quote, tag or directive survives."""
    return '"' + _PLAIN.sub(lambda match: f"#{ord(match[0])};", escape.line(text, 400)) + '"'


def _lines(picture: Picture) -> Iterator[str]:
    yield f"%% Graph of {_PLAIN.sub(' ', escape.line(picture.title, 200))}"
    yield from (f"%% {fold}" for fold in picture.folds)
    yield "flowchart LR"
    hosts = {host: f"h{number}" for number, host in enumerate(picture.hosts)}
    boxes = {box.id: f"n{number}" for number, box in enumerate(picture.boxes)}
    for host, name in hosts.items():
        yield f"  subgraph {name}[{quoted(host)}]"
        yield from (
            f"    {boxes[box.id]}[{quoted(_text(box))}]{_class(box)}" for box in picture.boxes if box.host == host
        )
        yield "  end"
    for arrow in picture.arrows:
        after = hosts[arrow.after] if arrow.is_to_host else boxes[arrow.after]
        yield f"  {boxes[arrow.before]} {_LINES[arrow.types[0]]} {after}"
    used = sorted({SIGNS[box.mark.role][1] for box in picture.boxes if box.mark})
    yield from (f"  classDef {name} {_CLASSES[name]}" for name in used)


def _text(box: Box) -> str:
    """What a plan does to it in words: a sign in front would be read as the beginning of a list."""
    words = shortened(box.text, 60)
    if box.mark is None:
        return words
    severity = {"destroy": ", destroys", "disrupt": ", disrupts"}.get(box.mark.severity, "")
    return f"{words} ({box.mark.role}{severity})"


def _class(box: Box) -> str:
    return f":::{SIGNS[box.mark.role][1]}" if box.mark else ""
