"""A picture → places on paper: a frame for each host, a box for each box, a way for each arrow, in CSS pixels.

Columns are common to all hosts, which stand one below the other. Arrows inside a host run from column to column, each
in a row of its own where it passes one by; all others leave through the gutters between columns and the gaps between
hosts, where there is no box. So no arrow runs through a box, and nothing lies over anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aivp.views.graph_picture import Arrow, Picture
from aivp.views.graph_table import BYWAY, ROW, Table, tables
from aivp.views.page import cells

GLYPH = 7.25
"""Width of one column of text at 12 px in a monospaced font; the widest of the usual ones has 0.602 em."""

TITLE_GLYPH = GLYPH * 13 / 12
"""The same at 13 px."""

BOX_HEIGHT = 26.0
SIGN, PADDING = 32.0, 10.0
MOST_CELLS, LEAST_WIDTH = 38, 120.0
"""Columns of text in a box, what is longer loses its middle; pixels of a column's boxes."""

MARGIN, FRAME, TITLE = 14.0, 14.0, 32.0
GUTTER, GAP, TRACK, MOST_TRACKS = 60.0, 20.0, 7.0, 14
"""Between columns, between hosts; between arrows that run side by side, of which there are so many at most."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """x, y: the upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Route:
    """The way of one arrow. is_angular: it turns at each point; else it curves from column to column."""

    arrow: Arrow
    points: Sequence[Point]
    is_angular: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything in its place. frames: by host, titles: name and transport, as they fit; boxes and texts: by box id."""

    width: float
    height: float
    frames: Mapping[str, Rect]
    titles: Mapping[str, tuple[str, str]]
    boxes: Mapping[str, Rect]
    texts: Mapping[str, str]
    routes: Sequence[Route]


def laid_out(picture: Picture) -> Layout:
    """The same picture, the same layout."""
    hosts = tables(picture)
    place = {box.id: box.host for box in picture.boxes}
    detours = [arrow for table in hosts.values() for arrow in table.detours]
    detours += [a for a in picture.arrows if a.is_to_host or place[a.before] != place[a.after]]
    ways = _Ways(hosts, place, detours)
    texts = {box.id: shortened(box.text, MOST_CELLS) for box in picture.boxes}
    column = {name: index for table in hosts.values() for name, index in table.column.items()}
    count = max(column.values(), default=-1) + 1
    sign = SIGN if picture.has_plan else 0.0
    widths = [LEAST_WIDTH] * count
    for name, text in texts.items():
        widths[column[name]] = max(widths[column[name]], cells(text) * GLYPH + sign + 2 * PADDING)
    lefts, gutters = _across(widths, ways)
    frames = _frames(hosts, lefts, widths, ways)
    spots = {
        name: Rect(lefts[table.column[name]], frames[host].y + TITLE + top, widths[table.column[name]], ROW)
        for host, table in hosts.items()
        for name, top in table.top.items()
    }
    boxes = {name: _box(spots[name]) for name in texts}
    routes = [
        Route(arrow, _through(chain, boxes, spots), False) for table in hosts.values() for arrow, chain in table.chains
    ]
    routes += [Route(arrow, _around(arrow, boxes, frames, ways, gutters), True) for arrow in detours]
    width = max((frame.right for frame in frames.values()), default=0.0)
    width = max(width, gutters[-1] + TRACK * ways.tracks(("gutter", count)) if gutters else 0.0) + MARGIN
    bottom = max((frame.bottom for frame in frames.values()), default=0.0)
    height = bottom + TRACK * ways.tracks(("gap", len(hosts))) + MARGIN
    titles = {host: _title(host, picture.hosts[host], frames[host]) for host in hosts}
    return Layout(width, height, frames, titles, boxes, texts, routes)


def shortened(text: str, most: int) -> str:
    """`text` without its middle where it has more than `most` columns: both ends tell resources apart."""
    if cells(text) <= most:
        return text
    head, tail = most * 2 // 3, most - most * 2 // 3 - 1
    first, last = text[:head], text[max(len(text) - tail, 0) :]
    while cells(first) > head:
        first = first[:-1]
    while cells(last) > tail:
        last = last[1:]
    return f"{first}…{last}"


class _Ways:
    """Which arrows run through which gutters and gaps, and in which track: all of one box share theirs."""

    def __init__(self, hosts: Mapping[str, Table], place: Mapping[str, str], detours: Sequence[Arrow]) -> None:
        self.hosts = hosts
        self.place = place
        self.row = {host: number for number, host in enumerate(hosts)}
        self.used: dict[tuple[str, int], dict[str, int]] = {}
        for arrow in detours:
            for where in self.legs(arrow):
                seen = self.used.setdefault(where, {})
                seen.setdefault(arrow.before, len(seen) % MOST_TRACKS)

    def legs(self, arrow: Arrow) -> list[tuple[str, int]]:
        """The gutter that it leaves through, and if that is another one, the gap and the gutter that it arrives by."""
        host = self.place[arrow.before]
        target = arrow.after if arrow.is_to_host else self.place[arrow.after]
        out = self.hosts[host].column[arrow.before] + 1
        into = self.hosts[target].first if arrow.is_to_host else self.hosts[target].column[arrow.after]
        if out == into:
            return [("gutter", out)]
        gap = self.row[target] + (0 if self.row[target] > self.row[host] else 1)
        return [("gutter", out), ("gap", gap), ("gutter", into)]

    def tracks(self, where: tuple[str, int]) -> int:
        return min(len(self.used.get(where, ())), MOST_TRACKS)

    def track(self, where: tuple[str, int], arrow: Arrow) -> int:
        return self.used[where][arrow.before]


def _across(widths: Sequence[float], ways: _Ways) -> tuple[list[float], list[float]]:
    """The left edge of each column, and of the first track in each gutter."""
    lefts: list[float] = []
    gutters: list[float] = []
    x = 0.0
    for index in range(len(widths) + 1):
        tracks = TRACK * ways.tracks(("gutter", index))
        gutters.append(x + (MARGIN if index == 0 else FRAME + TRACK))
        if index < len(widths):
            least = MARGIN + FRAME if index == 0 else GUTTER
            lefts.append(x + max(least, tracks + 2 * (FRAME + TRACK)))
            x = lefts[-1] + widths[index]
    return lefts, gutters


def _frames(
    hosts: Mapping[str, Table], lefts: Sequence[float], widths: Sequence[float], ways: _Ways
) -> dict[str, Rect]:
    """One below the other, each as wide as its columns."""
    frames: dict[str, Rect] = {}
    y = MARGIN + TRACK * ways.tracks(("gap", 0))
    for number, (host, table) in enumerate(hosts.items(), 1):
        x = lefts[table.first] - FRAME
        right = lefts[table.last] + widths[table.last] + FRAME
        frames[host] = Rect(x, y, right - x, TITLE + table.height + FRAME / 2)
        y = frames[host].bottom + GAP + TRACK * ways.tracks(("gap", number))
    return frames


def _box(spot: Rect) -> Rect:
    return Rect(spot.x, spot.y + (ROW - BOX_HEIGHT) / 2, spot.width, BOX_HEIGHT)


def _through(chain: Sequence[str], boxes: Mapping[str, Rect], spots: Mapping[str, Rect]) -> list[Point]:
    """Along both edges of each column: out of the first box, over the byways, into the last one."""
    first, last = boxes[chain[0]], boxes[chain[-1]]
    points = [(first.right, first.middle)]
    for name in chain[1:-1]:
        spot = spots[name]
        points += [(spot.x, spot.y + BYWAY / 2), (spot.right, spot.y + BYWAY / 2)]
    return [*points, (last.x, last.middle)]


def _around(
    arrow: Arrow, boxes: Mapping[str, Rect], frames: Mapping[str, Rect], ways: _Ways, gutters: Sequence[float]
) -> list[Point]:
    begin = boxes[arrow.before]
    end = frames[arrow.after] if arrow.is_to_host else boxes[arrow.after]
    goal = (end.x, end.y + TITLE / 2 if arrow.is_to_host else end.middle)
    legs = ways.legs(arrow)
    out = gutters[legs[0][1]] + TRACK * ways.track(legs[0], arrow)
    points = [(begin.right, begin.middle), (out, begin.middle)]
    if len(legs) == 1:
        return [*points, (out, goal[1]), goal]
    gap, into = legs[1], gutters[legs[2][1]] + TRACK * ways.track(legs[2], arrow)
    above = [frame.bottom for frame in frames.values()][gap[1] - 1] + GAP / 2 if gap[1] else MARGIN / 2
    y = above + TRACK * ways.track(gap, arrow)
    return [*points, (out, y), (into, y), (into, goal[1]), goal]


def _title(host: str, transport: str, frame: Rect) -> tuple[str, str]:
    most = int((frame.width - 2 * PADDING) / TITLE_GLYPH)
    is_wide = cells(host) + cells(transport) + 2 <= most
    return (host if is_wide else shortened(host, most), f"  {transport}" if transport and is_wide else "")
