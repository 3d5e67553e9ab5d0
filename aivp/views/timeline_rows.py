"""A session of a timeline → the rows of its lists, for every view: what took how long, in words.

Words are escaped for a terminal here; a view of another sink escapes them once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from aivp.events.timeline import Bar, Leg, Session
from aivp.views import escape
from aivp.views.measure import lasted

Row = tuple[float, str]
"""Seconds, and of what."""

Span = tuple[float, float]

SMALL = 0.02
"""Share of the whole below which neighbours on the critical path are told as one."""

ROUGH = "This log has no durations, since an older aivp wrote it: a step begins where the one before ended."


def title(session: Session) -> str:
    """When it was begun, how it ended, and how long that took."""
    word = "taken up again" if session.is_resumed else "begun"
    how = f"{session.status} after" if session.status else "broken off after"
    started = session.started[:19].replace("T", " ")
    return escape.line(f"{word} at {started}Z, {how} {lasted(session.seconds)}", 200)


def critical_rows(session: Session) -> list[Row]:
    """The critical path in its order; short neighbours of one host as one."""
    return list(_path(session))


def wait_rows(session: Session) -> list[Row]:
    """Who waited for what, the longest wait first."""
    waits = [(wait, lane.host) for lane in session.lanes for wait in lane.waits if wait.seconds > 0.01]
    waits.sort(key=lambda item: (-item[0].seconds, item[1], item[0].began))
    return [(wait.seconds, f"{escape.line(host, 200)} for {escape.line(_on(wait.on), 400)}") for wait, host in waits]


def longest_rows(session: Session, most: int) -> list[Row]:
    """The longest effects; a transaction is one, told by the first of its steps."""
    found: dict[tuple[str, Span], list[Bar]] = {}
    for lane in session.lanes:
        for bar in lane.bars:
            if bar.effect is not None:
                found.setdefault((lane.host, bar.effect), []).append(bar)
    longest = sorted(found.values(), key=lambda bars: (-bars[0].seconds, bars[0].step))[:most]
    return [(bars[0].seconds, _effect(bars, session.seconds)) for bars in longest]


def merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Their union: what one transaction did counts once."""
    begin = end = -1.0
    for began, ended in sorted(spans):
        if began > end:
            if end > begin:
                yield begin, end
            begin, end = began, ended
        end = max(end, ended)
    if end > begin:
        yield begin, end


def length(spans: Iterable[Span]) -> float:
    """How long any of them lasted."""
    return sum(ended - began for began, ended in merged(spans))


def _on(on: str) -> str:
    return on.partition(":")[2] or on or "its next steps"


def _effect(bars: Sequence[Bar], whole: float) -> str:
    percent = 100 * bars[0].seconds / whole if whole else 0.0
    share = f" ({percent:.0f}%)" if percent >= 1 else ""
    more = f" and {len(bars) - 1:,} more in one transaction" if len(bars) > 1 else ""
    return f"{escape.line(bars[0].address, 400)}{more}{share}"


def _path(session: Session) -> Iterator[Row]:
    group: list[Leg] = []
    for leg in session.critical:
        is_short = leg.step is not None and leg.seconds < SMALL * session.seconds
        if group and not (is_short and leg.host == group[0].host):
            yield _told(group)
            group = []
        group.append(leg)
        if not is_short:
            yield _told(group)
            group = []
    if group:
        yield _told(group)


def _told(legs: Sequence[Leg]) -> Row:
    seconds, first = sum(leg.seconds for leg in legs), legs[0]
    if first.step is None:
        return seconds, "hosts are reached and checked" if first.began == 0 else "the last is recorded, hosts are told"
    name = escape.line(first.step.partition(":")[2], 400)
    more = f" and {len(legs) - 1:,} more on {escape.line(first.host, 200)}" if len(legs) > 1 else ""
    return seconds, name + more
