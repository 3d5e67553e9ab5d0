"""What stands on one host → its columns and rows: boxes, and byways where an arrow passes a column by.

The host's own paper, from 0 downward; where it lies on the whole, and how wide columns are, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from aivp.views import graph_layers
from aivp.views.graph_picture import Arrow, Picture
from aivp.views.name_spans import sorted_names

ROW, BYWAY = 36.0, 14.0
"""Heights of a box's row and of a byway's, in pixels."""

LEAST_COLUMNS = 4
"""Columns over which boxes without arrows are spread, where the rest needs fewer."""


@dataclass(frozen=True, slots=True)
class Table:
    """column and top: by box id or byway; chains: each arrow with what it leads through, both ends included.

    detours: arrows inside the host that do not lead to a later column, as cycles have them.
    """

    column: Mapping[str, int]
    top: Mapping[str, float]
    chains: Sequence[tuple[Arrow, Sequence[str]]]
    detours: Sequence[Arrow]
    height: float

    @property
    def first(self) -> int:
        """Its leftmost column."""
        return min(self.column.values())

    @property
    def last(self) -> int:
        return max(self.column.values())


def tables(picture: Picture) -> dict[str, Table]:
    """By host, those that begin first on top."""
    place = {box.id: box.host for box in picture.boxes}
    ids: dict[str, list[str]] = {host: [] for host in picture.hosts}
    for name in sorted_names(place):
        ids[place[name]].append(name)
    links = [(a.before, a.after) for a in picture.arrows if not a.is_to_host]
    links += [(a.before, name) for a in picture.arrows if a.is_to_host for name in ids[a.after]]
    column = graph_layers.layers(list(place), links)
    inside: dict[str, list[Arrow]] = {host: [] for host in picture.hosts}
    bound: set[str] = set()
    for arrow in picture.arrows:
        bound |= {arrow.before, arrow.after}
        if not arrow.is_to_host and place[arrow.before] == place[arrow.after]:
            inside[place[arrow.before]].append(arrow)
    last = max((column[name] for name in bound if name in column), default=0)
    found = {host: _table(names, inside[host], column, bound, last) for host, names in ids.items() if names}
    return dict(sorted(found.items(), key=lambda item: (item[1].first, item[0])))


def _table(
    names: Sequence[str], arrows: Sequence[Arrow], column: Mapping[str, int], bound: set[str], last: int
) -> Table:
    begin = min(column[name] for name in names)
    tied = [name for name in names if name in bound]
    at = {name: column[name] for name in tied}
    chains: list[tuple[Arrow, Sequence[str]]] = []
    detours: list[Arrow] = []
    for arrow in arrows:
        if at[arrow.before] >= at[arrow.after]:
            detours.append(arrow)
            continue
        passed = range(at[arrow.before] + 1, at[arrow.after])
        byways = [f"byway {index} {arrow.before} {arrow.after}" for index in passed]  # no address begins so
        at |= zip(byways, passed, strict=True)
        chains.append((arrow, [arrow.before, *byways, arrow.after]))
    columns: list[list[str]] = [[] for _ in range(max(at.values(), default=begin) - begin + 1)]
    for name, index in at.items():
        columns[index - begin].append(name)
    links = [pair for _, chain in chains for pair in pairwise(chain)]
    heights = {name: ROW if name in bound else BYWAY for name in at}
    ordered = graph_layers.rows(columns, links)
    top = graph_layers.places(ordered, links, heights)
    height = max((top[name] + heights[name] for name in at), default=0.0)
    loose = [name for name in names if name not in bound]
    width = min(max(last - begin + 1, LEAST_COLUMNS), max(len(loose), 1))
    for number, name in enumerate(loose):
        at[name], top[name] = begin + number % width, height + number // width * ROW
    rows = -(-len(loose) // width)
    return Table(at, top, chains, detours, height + rows * ROW)
