"""A picture of the graph → one HTML page: the drawing, and below it every resource by host, to be searched.

What is drawn may be folded; the list below never is, and says of each resource what it waits for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from aivp.model.graph import TYPE_ORDER
from aivp.model.resource import EdgeType
from aivp.views.graph_legend import ARROWS
from aivp.views.graph_picture import ROLES, Arrow, Box, Picture
from aivp.views.graph_svg import said, svg
from aivp.views.html_page import document
from aivp.views.html_step import SEVERE, name_html, sign_html
from aivp.views.html_tools import Choice, count, graph_place, noscript, toolbar
from aivp.views.markup import Attributes, Markup, join, tag
from aivp.views.step_text import SIGNS

KEYS = (
    *(("/", "search"), ("Escape", "show all again"), ("j", "next resource"), ("k", "resource before")),
    *(("u", "unfold all"), ("f", "fold all"), ("g", "show or hide the graph")),
)
LINKS = 20
"""Other resources that one names at most."""


def graph_html(drawn: Picture, whole: Picture) -> str:
    """The whole file. `drawn`: `whole`, folded or not."""
    title = f"Graph of {whole.title}"
    boxes = {address: number for number, box in enumerate(drawn.boxes) for address in box.members}
    numbers = {box.id: number for number, box in enumerate(whole.boxes, 1)}
    waits: dict[str, list[Arrow]] = {}
    for arrow in whole.arrows:
        if not arrow.is_to_host:
            waits.setdefault(arrow.after, []).append(arrow)
    order = sorted(whole.boxes, key=lambda box: (box.host, box.id))
    hosts = [
        _host(host, whole.hosts[host], [_resource(box, numbers, boxes, waits.get(box.id, ())) for box in group])
        for host, group in groupby(order, key=lambda box: box.host)
    ]
    top = tag("header", {}, tag("h1", {}, title), tag("p", {"class": "faint"}, f"{said(whole)}."))
    tools = join((toolbar("resource", _choices(whole), KEYS), noscript("Filters, search and keys need JavaScript.")))
    resources = tag("section", {"class": "steps", "aria-label": "Resources by host"}, *hosts)
    graph = graph_place(svg(drawn), said(drawn))
    main = tag("main", {"id": "main"}, tools, tag("div", {"class": "above"}, graph, resources))
    skip = tag("a", {"class": "skip", "href": "#main"}, "To the resources")
    return document(title, [skip, top, main], ("theme.css", "page.css", "graph.css"), ("page.js",))


def _choices(picture: Picture) -> list[tuple[str, str, Sequence[Choice]]]:
    kinds = sorted({box.kind for box in picture.boxes})
    roles = {box.mark.role for box in picture.boxes if box.mark}
    marks = [(role, f"{SIGNS[role][0]} {role}") for role in ROLES if role in roles]
    none = [("none", "as it is")] if roles else []
    return [
        ("host", "Host", [(host, host) for host in picture.hosts]),
        ("kind", "Kind", [(kind, kind) for kind in kinds]),
        ("role", "Action", [*marks, *none]),
    ]


def _host(name: str, transport: str, items: Sequence[Markup]) -> Markup:
    facts = ", ".join(filter(None, (transport, count(len(items), "resource"))))
    heading = tag("h2", {}, tag("code", {}, name), tag("span", {"class": "faint"}, f" {facts}"))
    return tag("details", {"class": "host", "open": True, "data-host": name}, tag("summary", {}, heading), *items)


def _resource(box: Box, numbers: Mapping[str, int], boxes: Mapping[str, int], waits: Sequence[Arrow]) -> Markup:
    mark = box.mark
    sign = sign_html(mark.role) if mark else tag("span", {"class": "sign"})
    parts = [sign, tag("span", {"class": "what"}, name_html(box.label))]
    if mark is not None and mark.severity in SEVERE:
        meaning, word = SEVERE[mark.severity]
        parts.append(tag("span", {"class": "tags"}, tag("span", {"class": f"tag {meaning}"}, word)))
    outer: Attributes = {
        "class": f"step {mark.severity}" if mark and mark.severity in SEVERE else "step",
        "id": f"s{numbers[box.id]}",
        "data-role": mark.role if mark else "none",
        "data-kind": box.kind,
        "data-box": str(boxes.get(box.id, "")),
    }
    if not waits:
        return tag("div", outer, tag("div", {"class": "line", "tabindex": "-1"}, *parts))
    facts = [_fact(name, [a for a in waits if a.types[0] == name], numbers) for name in TYPE_ORDER]
    body = tag("div", {"class": "body"}, tag("dl", {"class": "facts"}, *facts))
    return tag("details", outer, tag("summary", {"class": "line"}, *parts), body)


def _fact(name: EdgeType, arrows: Sequence[Arrow], numbers: Mapping[str, int]) -> Markup:
    links = [tag("a", {"href": f"#s{numbers[a.before]}"}, tag("code", {}, a.before)) for a in arrows[:LINKS]]
    if len(arrows) > LINKS:
        links.append(tag("span", {}, f"{len(arrows) - LINKS:,} more"))
    words = ARROWS[name].removesuffix(" it").capitalize()
    return tag("div", {}, tag("dt", {}, words), tag("dd", {}, join(links, ", "))) if links else join(())
