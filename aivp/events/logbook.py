"""The log of a run, line by line → its timeline.

What waits for what is handed in: this knows neither plan nor state. A log may come from anywhere: lines that are none
cost themselves, and numbers that are none the durations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any

from aivp.events.critical import MOMENT, critical_path
from aivp.events.timeline import Bar, Lane, Order, Session, Timeline, Wait

LONGEST = 4 * 1024 * 1024
"""Characters of a line; a longer one is passed over."""

Line = Mapping[str, Any]


def read_timeline(run: str, lines: Iterable[str], order: Order) -> Timeline:
    """A session for each time that the run was begun or taken up again; none where nothing says so."""
    return Timeline(run, [_session(part, order) for part in _parts(lines)])


def _parts(lines: Iterable[str]) -> Iterator[list[Line]]:
    """The lines of each session, from its `run-started` on."""
    part: list[Line] = []
    for text in lines:
        item = _line(text)
        if item is None:
            continue
        if item["type"] == "run-started":
            if part:
                yield part
            part = [item]
        elif part:
            part.append(item)
    if part:
        yield part


def _line(text: str) -> Line | None:
    if len(text) > LONGEST:
        return None
    try:
        item = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return item if isinstance(item, dict) and isinstance(item.get("type"), str) else None


@dataclass
class _Open:
    """A host's lane while it is read."""

    work: list[tuple[float, float]] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    handed: list[tuple[float, list[str]]] = field(default_factory=list)
    last: float = 0.0


def _session(part: Sequence[Line], order: Order) -> Session:
    is_rough = not all(_is_second(item.get("elapsed")) for item in part)
    clock = _Clock(part[0], is_rough)
    lanes: dict[str, _Open] = {}
    status, end = "", 0.0
    for item in part:
        at = end = max(end, clock.at(item))
        match item["type"]:
            case "steps-started" if isinstance(item.get("steps"), list):
                lane = lanes.setdefault(str(item.get("host")), _Open())
                lane.handed.append((at, [str(name) for name in item["steps"]]))
                lane.work.append((at, at))
                lane.last = at
            case "step-ended":
                _add_step(lanes.setdefault(str(item.get("host")), _Open()), item, at, is_rough=is_rough)
            case "run-ended":
                status = str(item.get("status"))
            case _:
                pass
    bars = {bar.step: bar for lane in lanes.values() for bar in lane.bars}
    for lane in lanes.values():
        if lane.handed and not bars.keys() >= set(lane.handed[-1][1]):  # broken off in the middle of a message
            lane.work[-1] = (lane.work[-1][0], end)
    done = [_lane(host, lane, bars, order) for host, lane in sorted(lanes.items())]
    started = str(part[0].get("time", ""))
    critical = critical_path(done, order, end)
    return Session(started, part[0].get("is_resumed") is True, is_rough, end, status, done, critical)


def _add_step(lane: _Open, item: Line, at: float, *, is_rough: bool) -> None:
    began, effect = item.get("began"), item.get("effect")
    span: tuple[float, float] | None = None
    if is_rough and lane.work:
        began, span = lane.last, (lane.last, at)
    elif isinstance(effect, dict) and _is_second(effect.get("began")) and _is_second(effect.get("ended")):
        span = (min(effect["began"], at), min(effect["ended"], at))
        span = span if span[0] <= span[1] else None
    if lane.work and _is_second(began):
        lane.work[-1] = (lane.work[-1][0], at)
        lane.last = at
    start = min(float(began), at) if began is not None and _is_second(began) else at
    step, address, action, status = (str(item.get(name)) for name in ("step", "address", "action", "status"))
    lane.bars.append(Bar(step, address, action, status, start, at, span))


def _lane(host: str, lane: _Open, bars: Mapping[str, Bar], order: Order) -> Lane:
    """With the waits between its messages, and the one before the first of them."""
    waits, idle_since = [], 0.0
    first = min((began for began, _ in lane.work), default=0.0)
    for (began, ended), (_, steps) in zip(lane.work, lane.handed, strict=True):
        if began - idle_since > MOMENT:
            needed = [name for step in steps for name in order.waits_for.get(step, ())]
            on = _last([bars[name] for name in needed if name in bars and bars[name].ended <= began + MOMENT])
            if idle_since or on:
                waits.append(Wait(idle_since, began, on))
            elif began == first and order.behind.get(host):
                waits.append(Wait(0.0, began, _last_host(order.behind[host], bars, began)))
        idle_since = max(ended, began)
    return Lane(host, lane.work, sorted(lane.bars, key=lambda bar: (bar.span, bar.step)), waits)


def _last(bars: Sequence[Bar]) -> str:
    return max(bars, key=lambda bar: (bar.ended, bar.step)).step if bars else ""


def _last_host(hosts: Sequence[str], bars: Mapping[str, Bar], until: float) -> str:
    """Of the round before, the host that was the last to be done."""
    found = [bar for bar in bars.values() if bar.address.rpartition("@")[2] in hosts and bar.ended <= until + MOMENT]
    return max(found, key=lambda bar: bar.ended).address.rpartition("@")[2] if found else ""


@dataclass
class _Clock:
    """Seconds since the session began: as they stand in its lines or, where they do not, by the time of day."""

    first: Line
    is_rough: bool

    def at(self, item: Line) -> float:
        if not self.is_rough:
            return float(item["elapsed"])
        try:
            times = [datetime.fromisoformat(str(line.get("time"))) for line in (self.first, item)]
            return max(round((times[1] - times[0]).total_seconds(), 3), 0.0)
        except (ValueError, TypeError):
            return 0.0


def _is_second(value: Any) -> bool:
    return type(value) in (int, float) and isfinite(value) and value >= 0
