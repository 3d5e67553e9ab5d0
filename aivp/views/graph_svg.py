"""A picture of the graph → SVG, for a file of its own or for the inside of a page. Nothing is measured by a browser:
every text is told how wide it is, so it fits wherever it is shown, whatever the fonts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aivp.views import graph_legend
from aivp.views.assets import asset
from aivp.views.graph_layout import (
    GLYPH,
    PADDING,
    SIGN,
    TITLE,
    TITLE_GLYPH,
    Layout,
    Point,
    Rect,
    Route,
    laid_out,
)
from aivp.views.graph_picture import Box, Picture
from aivp.views.markup import Attributes, Markup, number, raw, tag
from aivp.views.page import cells
from aivp.views.step_text import SIGNS

CORNER = 6.0
NAMED = 30
"""Members of a box that its title names."""


def graph_svg(picture: Picture) -> str:
    """A whole SVG file with its style; light or dark as the reader's screen is."""
    return svg(picture, style=raw(asset("theme.css") + asset("graph.css"))) + "\n"


def svg(picture: Picture, style: Markup | None = None) -> Markup:
    """The element alone; `style` is put into it."""
    layout = laid_out(picture)
    numbers = {box.id: str(number) for number, box in enumerate(picture.boxes)}
    width = max(layout.width, graph_legend.LEAST)
    below, bottom = graph_legend.legend(picture, layout.height, width)
    outer: Attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "graph",
        "width": width,
        "height": bottom,
        "viewBox": f"0 0 {number(width)} {number(bottom)}",
        "role": "img",
        "aria-label": said(picture),
    }
    ground: Attributes = {"width": width, "height": bottom, "fill": "var(--ground)"}
    return tag(
        "svg",
        outer,
        tag("title", {}, said(picture)),
        *([tag("style", {}, style), tag("rect", ground)] if style else []),
        tag("defs", {}, _tip("tip", "plain"), _tip("tip notify", "notify")),
        [tag("rect", {"class": "frame", "rx": 8, **_at(frame)}) for frame in layout.frames.values()],
        [_arrow(route, numbers) for route in layout.routes],
        [piece for host in layout.frames for piece in _title(layout, host)],
        [_box(box, numbers[box.id], layout, has_signs=picture.has_plan) for box in picture.boxes],
        below,
    )


def said(picture: Picture) -> str:
    """The picture in one sentence."""
    hosts = len(picture.hosts)
    marked = sum(len(box.members) for box in picture.boxes if box.mark)
    changed = f", {marked:,} of them changed by the plan" if picture.has_plan else ""
    plural = "" if picture.resources == 1 else "s"
    on = f"{hosts:,} host{'' if hosts == 1 else 's'}" if "hosts" not in picture.hosts else "their hosts"
    return f"Graph of {picture.title}: {picture.resources:,} resource{plural} on {on}{changed}"


def curve(points: Sequence[Point], *, is_angular: bool) -> str:
    """The `d` of a path along the points of a Route."""
    return " ".join(_angles(points) if is_angular else _curves(points))


def _curves(points: Sequence[Point]) -> Iterator[str]:
    """Curves between columns, straight over them."""
    yield f"M{_xy(points[0])}"
    for place in range(1, len(points), 2):
        (x, y), (to_x, to_y) = points[place - 1], points[place]
        half = (to_x - x) / 2
        yield f"C{_xy((x + half, y))} {_xy((to_x - half, to_y))} {_xy((to_x, to_y))}"
        if place + 1 < len(points):
            yield f"L{_xy(points[place + 1])}"


def _angles(points: Sequence[Point]) -> Iterator[str]:
    yield f"M{_xy(points[0])}"
    for before, turn, after in zip(points, points[1:], points[2:], strict=False):
        yield f"L{_xy(_toward(turn, before))}Q{_xy(turn)} {_xy(_toward(turn, after))}"
    yield f"L{_xy(points[-1])}"


def _toward(turn: Point, other: Point) -> Point:
    """The point on the way from `turn` to `other` where its round corner ends."""
    dx, dy = other[0] - turn[0], other[1] - turn[1]
    length = abs(dx) + abs(dy)
    part = min(CORNER / length, 0.5) if length else 0.0
    return (turn[0] + dx * part, turn[1] + dy * part)


def _xy(point: Point) -> str:
    return f"{number(point[0])},{number(point[1])}"


def _at(rect: Rect) -> Attributes:
    return {"x": rect.x, "y": rect.y, "width": rect.width, "height": rect.height}


def _tip(names: str, identity: str) -> Markup:
    size: Attributes = {"markerWidth": 8, "markerHeight": 8, "refX": 7, "refY": 4, "orient": "auto"}
    shape = tag("path", {"class": names, "d": "M0,0.5L8,4L0,7.5Z"})
    return tag("marker", {"id": f"tip-{identity}", "markerUnits": "userSpaceOnUse", **size}, shape)


def _arrow(route: Route, numbers: Mapping[str, str]) -> Markup:
    arrow = route.arrow
    name = arrow.types[0]
    tip = "notify" if name == "notify" else "plain"
    count = f" × {arrow.count:,}" if arrow.count > 1 else ""
    attributes: Attributes = {
        "class": f"arrow {name}",
        "d": curve(route.points, is_angular=route.is_angular),
        "marker-end": f"url(#tip-{tip})",
        "data-from": numbers[arrow.before],
        "data-to": numbers.get(arrow.after),
    }
    return tag("path", attributes, tag("title", {}, f"{arrow.before} → {arrow.after}: {', '.join(arrow.types)}{count}"))


def _title(layout: Layout, host: str) -> Iterator[Markup]:
    """On a ground of its own: arrows may pass behind it."""
    frame, (name, transport) = layout.frames[host], layout.titles[host]
    width = cells(name) * TITLE_GLYPH
    whole = width + cells(transport) * TITLE_GLYPH
    ground: Attributes = {"x": frame.x + 6, "y": frame.y + 5, "width": whole + 8, "height": TITLE - 10}
    place: Attributes = {"y": frame.y + 20, "textLength": width}
    yield tag("rect", {"class": "title-ground", **ground})
    yield tag("text", {"class": "title mono", "x": frame.x + 10, **place}, name)
    if transport:
        place["textLength"] = cells(transport.strip()) * GLYPH
        yield tag("text", {"class": "faint mono", "x": frame.x + 10 + width + 2 * GLYPH, **place}, transport.strip())


def _box(box: Box, name: str, layout: Layout, *, has_signs: bool) -> Markup:
    rect, words = layout.boxes[box.id], layout.texts[box.id]
    names = ["box", *_classes(box)]
    parts = [tag("title", {}, _told(box))]
    if len(box.members) > 1:
        behind = {**_at(rect), "x": rect.x + 3, "y": rect.y + 3, "rx": 5}
        parts.append(tag("rect", {"class": "behind", **behind}))
    parts.append(tag("rect", {"rx": 5, **_at(rect)}))
    if box.mark is not None:
        parts.append(tag("text", {"class": "sign mono", "x": rect.x + SIGN / 2 + 2, "y": rect.middle + 4}, sign(box)))
    left = rect.x + PADDING + (SIGN - 4 if has_signs else 0)
    place: Attributes = {"x": left, "y": rect.middle + 4, "textLength": cells(words) * GLYPH}
    parts.append(tag("text", {"class": "mono", **place}, words))
    return tag("g", {"class": " ".join(names), "data-box": name}, parts)


def sign(box: Box) -> str:
    """The sign of what happens to it."""
    return SIGNS[box.mark.role][0] if box.mark else ""


def _classes(box: Box) -> Iterator[str]:
    if box.mark is not None:
        yield SIGNS[box.mark.role][1]
        if box.mark.severity in ("disrupt", "destroy"):
            yield box.mark.severity
    if box.is_conditional:
        yield "conditional"


def _told(box: Box) -> str:
    """What a pointer that rests on it is told, and a screen reader."""
    names = ", ".join(box.members[:NAMED])
    more = len(box.members) - NAMED
    said = f"{names} and {more:,} more" if more > 0 else names
    if box.mark is None:
        return said
    severity = {"destroy": ", destroys", "disrupt": ", disrupts"}.get(box.mark.severity, "")
    return f"{said}: {box.mark.role}{severity}"
