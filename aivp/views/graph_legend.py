"""What the signs and lines of a picture mean, and what was folded in it → SVG below it; only what it really holds."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from aivp.model.graph import TYPE_ORDER
from aivp.model.resource import EdgeType
from aivp.views.graph_layout import GLYPH, MARGIN
from aivp.views.graph_picture import ROLES, Picture
from aivp.views.markup import Attributes, Markup, tag
from aivp.views.page import cells
from aivp.views.step_text import SIGNS

LEAST = 320.0
"""Pixels across that a legend needs."""

LINE = 22.0
SWATCH = 34.0

ARROWS: Final[Mapping[EdgeType, str]] = {
    "reference": "takes a value from it",
    "depends": "waits for it",
    "notify": "is refreshed by it",
    "host": "lives on it",
    "implied": "lies within it",
}
_ROLES: Final = {"refresh": "refresh if notified", "check": "check again", "no-op": "record"}
_SEVERITIES: Final = {"disrupt": "thick border: disrupts", "destroy": "thickest border: destroys"}

Item = tuple[Sequence[Markup], str]
"""What is drawn in the swatch, at 0,0, and what is said beside it."""


def legend(picture: Picture, top: float, width: float) -> tuple[Markup, float]:
    """The legend from `top` on, and where it ends."""
    parts: list[Markup] = []
    x, y = MARGIN, top + LINE / 2
    for drawn, words in _items(picture):
        room = SWATCH + cells(words) * GLYPH + 18
        if x > MARGIN and x + room > width:
            x, y = MARGIN, y + LINE
        place: Attributes = {"x": SWATCH, "y": 4.0, "textLength": cells(words) * GLYPH, "class": "mono faint"}
        parts.append(tag("g", {"transform": f"translate({x:.0f} {y:.0f})"}, drawn, tag("text", place, words)))
        x += room
    bottom = y if parts else top - LINE / 2
    for line in _notes(picture, width):
        bottom += LINE
        spot: Attributes = {"x": MARGIN, "y": bottom + 4, "textLength": cells(line) * GLYPH, "class": "mono faint"}
        parts.append(tag("text", spot, line))
    return tag("g", {"class": "legend"}, parts), bottom + LINE


def _items(picture: Picture) -> Iterator[Item]:
    roles = {box.mark.role for box in picture.boxes if box.mark}
    for role in (role for role in ROLES if role in roles):
        sign, meaning = SIGNS[role]
        box = tag("rect", {"x": 0.5, "y": -8.0, "width": 26.0, "height": 16.0, "rx": 4})
        drawn = tag("g", {"class": f"box {meaning}"}, box, tag("text", {"class": "sign mono", "x": 13.5, "y": 4}, sign))
        yield [drawn], _ROLES.get(role, role)
    types = {name for arrow in picture.arrows for name in arrow.types[:1]}
    for name in (name for name in TYPE_ORDER if name in types):
        tip = "notify" if name == "notify" else "plain"
        line: Attributes = {"class": f"arrow {name}", "d": "M0,0L26,0", "marker-end": f"url(#tip-{tip})"}
        yield [tag("path", line)], ARROWS[name]


def _notes(picture: Picture, width: float) -> Iterator[str]:
    severities = {box.mark.severity for box in picture.boxes if box.mark}
    notes = [said for name, said in _SEVERITIES.items() if name in severities]
    notes = [f"{', '.join(notes).capitalize()}."] if notes else []
    if any(box.is_conditional for box in picture.boxes):
        notes.append("Dashed border: whether it is there depends on facts.")
    for note in (*notes, *picture.folds):
        yield from textwrap.wrap(note, max(int((width - 2 * MARGIN) / GLYPH), 20))
