"""A picture of too many boxes → one of fewer: what is alike shares a box that says how many it stands for.

Each way to fold keeps apart what a plan changes from what it leaves alone, by what it does. The first way that brings
few enough boxes is taken, so that a small graph is drawn as it is and a large one stays readable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace

from aivp.model.graph import TYPE_ORDER
from aivp.plan.steps import SEVERITIES
from aivp.views.graph_layers import layers
from aivp.views.graph_picture import ROLES, Arrow, Box, Mark, Picture
from aivp.views.name_spans import few

MOST = 90
"""Boxes that a picture may have before it is folded."""

FEWEST_HOSTS = 3
"""Hosts that must be alike before they are drawn as one."""

Key = tuple[Hashable, ...]


def folded(picture: Picture, most: int = MOST) -> Picture:
    """`picture` as it is, or folded until it has at most `most` boxes."""
    found = picture
    for found in _ways(picture, most):
        if len(found.boxes) <= most:
            break
    return found


def _ways(picture: Picture, most: int) -> Iterator[Picture]:
    yield picture
    yield _alike(picture, "Hosts that hold the same are drawn as one", lambda box: box.label)
    depth = layers([box.id for box in picture.boxes], [(a.before, a.after) for a in picture.arrows if not a.is_to_host])
    once = _merged(picture, lambda box: (box.host, box.kind, depth[box.id], box.mark))
    said = "Resources of one kind that wait equally long, on one host, share a box"
    yield replace(once, folds=(f"{said}.",))
    yield _alike(once, f"{said}, and so do hosts that hold the same", lambda box: box.kind)
    once = _merged(picture, lambda box: (box.host, box.kind, box.mark))
    said = "Resources of one kind on one host share a box"
    yield replace(once, folds=(f"{said}.",))
    yield _alike(once, f"{said}, and so do hosts that hold the same", lambda box: box.kind)
    hosts = _hosts_as_boxes(picture)
    yield hosts
    yield _first(hosts, most)


def _merged(picture: Picture, key: Callable[[Box], Key]) -> Picture:
    """Boxes of one key become one; a box that is alone with its key stays as it is."""
    groups: dict[Key, list[Box]] = {}
    for box in picture.boxes:
        groups.setdefault(key(box), []).append(box)
    boxes = [_one(group) for group in groups.values()]
    return _redrawn(picture, boxes, {box.id: found.id for found in boxes for box in groups[key(found)]})


def _one(group: Sequence[Box]) -> Box:
    if len(group) == 1:
        return group[0]
    members = tuple(sorted(name for box in group for name in box.members))
    label = group[0].label if len({box.label for box in group}) == 1 else group[0].kind
    return replace(group[0], label=label, members=members, is_conditional=all(box.is_conditional for box in group))


def _alike(picture: Picture, said: str, what: Callable[[Box], str]) -> Picture:
    """Hosts that hold the same (by `what`) with the same marks become one: `web1 .. web50`."""
    by_host: dict[str, list[Box]] = {}
    for box in picture.boxes:
        by_host.setdefault(box.host, []).append(box)
    same: dict[Key, list[str]] = {}
    for host, boxes in by_host.items():
        shape = sorted((what(box), ROLES.index(box.mark.role) if box.mark else -1, len(box.members)) for box in boxes)
        same.setdefault((picture.hosts[host], *shape), []).append(host)
    names = {host: _joint(group) for group in same.values() for host in group if len(group) >= FEWEST_HOSTS}
    if not names:
        return picture
    moved = replace(
        picture,
        hosts={names.get(host, host): text for host, text in picture.hosts.items()},
        boxes=[replace(box, host=names.get(box.host, box.host)) for box in picture.boxes],
        arrows=[replace(a, after=names.get(a.after, a.after)) if a.is_to_host else a for a in picture.arrows],
    )
    seen: Counter[Key] = Counter()
    place: dict[str, int] = {}
    for host in sorted(by_host):
        seen.clear()
        for box in by_host[host]:
            key = (what(box), box.mark)
            place[box.id] = seen[key]
            seen[key] += 1
    once = _merged(moved, lambda box: (box.host, what(box), box.mark, place[box.id]))
    return replace(once, folds=(f"{said}.",))


def _joint(hosts: Sequence[str]) -> str:
    shown, more = few(hosts, 2)
    return f"{shown} and {more:,} more" if more else shown


def _hosts_as_boxes(picture: Picture) -> Picture:
    by_host: dict[str, list[Box]] = {}
    for box in picture.boxes:
        by_host.setdefault(box.host, []).append(box)
    boxes = [_host_box(host, group) for host, group in sorted(by_host.items())]
    moved = {box.id: f"host {host}" for host, group in by_host.items() for box in group}
    arrows = [
        replace(item, after=f"host {item.after}", is_to_host=False) if item.is_to_host else item
        for item in picture.arrows
    ]
    whole = replace(picture, hosts={"hosts": ""}, arrows=arrows, folds=("Each box is a host with all that is on it.",))
    return _redrawn(whole, boxes, {**moved, **{box.id: box.id for box in boxes}})


def _host_box(host: str, group: Sequence[Box]) -> Box:
    members = tuple(sorted(name for box in group for name in box.members))
    marks = [box.mark for box in group if box.mark is not None]
    said = f", {len(marks):,} changed" if marks else ""
    return Box(f"host {host}", "hosts", f"{host}{said}", "host", members, _worst(marks))


def _worst(marks: Sequence[Mark]) -> Mark | None:
    """The most severe stands for all; among those, the one that most have."""
    if not marks:
        return None
    counts = Counter(marks)
    return min(counts, key=lambda mark: (SEVERITIES.index(mark.severity), -counts[mark], ROLES.index(mark.role)))


def _first(picture: Picture, most: int) -> Picture:
    """The last resort says what it leaves out; what changes most severely stays."""
    order = sorted(picture.boxes, key=lambda box: (_rank(box), box.label))
    kept = sorted(order[:most], key=lambda box: box.label)
    said = f"{len(picture.boxes) - len(kept):,} hosts are not drawn, those with the least severe changes."
    drawn = replace(picture, folds=(*picture.folds, said))
    return _redrawn(drawn, kept, {box.id: box.id for box in kept})


def _rank(box: Box) -> int:
    return SEVERITIES.index(box.mark.severity) if box.mark else len(SEVERITIES)


def _redrawn(picture: Picture, boxes: Sequence[Box], moved: Mapping[str, str]) -> Picture:
    """With these boxes; arrows lead between them, parallel ones as one, none from a box to itself."""
    found: dict[tuple[str, str, bool], list[Arrow]] = {}
    for arrow in picture.arrows:
        before = moved.get(arrow.before)
        after = arrow.after if arrow.is_to_host else moved.get(arrow.after)
        if before is not None and after is not None and before != after:
            found.setdefault((before, after, arrow.is_to_host), []).append(arrow)
    arrows = [
        Arrow(
            before,
            after,
            tuple(name for name in TYPE_ORDER if any(name in item.types for item in group)),
            sum(item.count for item in group),
            is_to_host,
        )
        for (before, after, is_to_host), group in sorted(found.items())
    ]
    used = {box.host for box in boxes}
    hosts = {name: text for name, text in picture.hosts.items() if name in used}
    return replace(picture, boxes=boxes, arrows=arrows, hosts=hosts)
