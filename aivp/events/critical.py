"""Lanes of a run → its critical path: the chain of steps that decided how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from aivp.events.timeline import Bar, Lane, Leg, Order

MOMENT = 0.002
"""Seconds within which two things count as the same moment: times are told to the millisecond."""


def critical_path(lanes: Sequence[Lane], order: Order, end: float) -> list[Leg]:
    """From the step that ended last back to the begin, each by what let it go last; legs that fill 0 to `end`."""
    known = _index(lanes)
    bar = max(known.bars.values(), key=_when, default=None)
    if bar is None:
        return [Leg(0.0, end)] if end > 0 else []
    legs = [Leg(bar.span[1], end)] if end > bar.span[1] else []
    while bar is not None:
        earlier = known.let_go(bar, order)
        since = bar.began if earlier is None else min(earlier.span[1], bar.span[1])
        legs.append(Leg(since, bar.span[1], known.hosts[bar.step], bar.step))
        if earlier is None and since > 0:
            legs.append(Leg(0.0, since))
        bar = earlier
    return legs[::-1]


@dataclass
class _Index:
    """Steps that a host took up, by id. before: the one before it in its lane; firsts and lasts: of each host."""

    bars: dict[str, Bar] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    before: dict[str, Bar] = field(default_factory=dict)
    firsts: set[str] = field(default_factory=set)
    lasts: dict[str, Bar] = field(default_factory=dict)

    def let_go(self, bar: Bar, order: Order) -> Bar | None:
        """What ended last of all that `bar` had to wait for; always earlier than it, whatever a log says."""
        found = [self.bars[name] for name in order.waits_for.get(bar.step, ()) if name in self.bars]
        if bar.step in self.before:
            found.append(self.before[bar.step])
        if bar.step in self.firsts:
            found += [self.lasts[host] for host in order.behind.get(self.hosts[bar.step], ()) if host in self.lasts]
        found = [item for item in found if item.span[1] <= bar.span[0] + MOMENT and _when(item) < _when(bar)]
        return max(found, key=_when, default=None)


def _index(lanes: Sequence[Lane]) -> _Index:
    found = _Index()
    for lane in lanes:
        acting = [bar for bar in lane.bars if bar.began < bar.ended]
        found.bars.update({bar.step: bar for bar in acting})
        found.hosts.update({bar.step: lane.host for bar in acting})
        found.before.update({bar.step: earlier for earlier, bar in pairwise(acting)})
        if acting:
            found.firsts.add(acting[0].step)
            found.lasts[lane.host] = acting[-1]
    return found


def _when(bar: Bar) -> tuple[float, float, str]:
    return bar.span[1], bar.span[0], bar.step
