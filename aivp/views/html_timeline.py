"""A timeline → one HTML page: a lane of bars for each host with its steps behind it, the critical path, waits, effects.

Bars are SVG with places in percent, so that they fill whatever width there is; every figure stands beside them as text.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from aivp.events.timeline import Bar, Lane, Leg, Session, Timeline, Wait
from aivp.views.html_page import document
from aivp.views.html_tools import noscript, toolbar
from aivp.views.markup import Attributes, Markup, join, tag
from aivp.views.measure import lasted

KEYS = (
    *(("/", "search"), ("Escape", "show all again"), ("j", "next host"), ("k", "host before")),
    *(("u", "unfold all"), ("f", "fold all")),
)
LONGEST = 50
"""Waits and effects that are listed."""

PATH = 40
"""Legs of the critical path that are shown at once; the rest is folded."""

FINEST = 1 / 2000
"""Share of the whole below which bars are not told apart."""

TICKS = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
MOST_TICKS = 8

Span = tuple[float, float]


def timeline_html(timeline: Timeline) -> str:
    """The whole file."""
    title = f"Timeline of run {timeline.run}"
    top = tag("header", {}, tag("h1", {}, title))
    numbers = itertools.count(1)
    sessions = [_session(session, numbers) for session in timeline.sessions]
    without = noscript("Search and keys need JavaScript; everything else is here.")
    tools = [toolbar("lane", (), KEYS), without] if sessions else []
    nothing = [] if sessions else [tag("p", {}, "The log of this run tells nothing of its time.")]
    skip = tag("a", {"class": "skip", "href": "#main"}, "To the timeline")
    main = tag("main", {"id": "main"}, *tools, *nothing, *sessions)
    return document(title, [skip, top, main], ("theme.css", "page.css", "timeline.css"), ("page.js",))


def _session(session: Session, numbers: Iterator[int]) -> Markup:
    word = "Taken up again" if session.is_resumed else "Begun"
    ended = f"{session.status} after" if session.status else "broken off after"
    said = f"{word} {session.started[:19].replace('T', ' ')}Z, {ended} {lasted(round(session.seconds, 2))}"
    parts = [tag("p", {"class": "change"}, ROUGH)] if session.is_rough else []
    critical = {leg.step for leg in session.critical if leg.step is not None}
    lanes = [_lane(next(numbers), lane, session, critical) for lane in session.lanes]
    chart = tag("div", {"class": "lanes"}, _axis(session.seconds), *lanes)
    lists = tag("div", {"class": "lists"}, *_critical(session), *_waits(session), *_longest(session))
    heading = tag("summary", {}, tag("h2", {}, said))
    outer: Attributes = {"class": "host", "open": True, "data-host": said}
    return tag("details", outer, heading, *parts, _legend(), chart, lists)


ROUGH = "This log has no durations, since an older aivp wrote it: a step begins where the one before ended."


def _legend() -> Markup:
    said = (
        ("critical", "effect on the critical path"),
        ("effect", "another effect"),
        ("work", "looking, comparing, recording"),
        ("wait", "waiting for another host"),
    )
    items = [
        tag("li", {}, tag("svg", {"aria-hidden": "true"}, _rect(name, 0, 1, 1)), f" {words}") for name, words in said
    ]
    return tag("ul", {"class": "bars-legend"}, items)


def _axis(seconds: float) -> Markup:
    tick = next((tick for tick in TICKS if seconds / tick <= MOST_TICKS), max(seconds / MOST_TICKS, 1))
    marks = []
    for place in range(int(seconds / tick) + 1 if seconds > 0 else 0):
        share = place * tick / seconds
        if share <= 0.93:
            at = f"{share * 100:.2f}%"
            marks.append(tag("line", {"x1": at, "x2": at, "y1": 14, "y2": 20}))
            marks.append(tag("text", {"x": at, "y": 11}, lasted(round(place * tick, 3)) if place else "0"))
    bars = tag("svg", {"class": "bars axis", "aria-hidden": "true"}, marks)
    return tag(
        "div",
        {"class": "line", "aria-hidden": "true"},
        tag("span", {"class": "what"}),
        bars,
        tag("span", {"class": "sum"}),
    )


def _lane(number: int, lane: Lane, whole: Session, critical: set[str]) -> Markup:
    end = whole.seconds
    works, waits = (sum(b - a for a, b in _merged(spans, 0)) for spans in (lane.work, _spans(lane.waits)))
    drawn = [
        *(_rect("work", *span, end) for span in _merged(lane.work, end)),
        *(_rect("wait", *span, end) for span in _merged(_spans(lane.waits), end)),
        *(_rect("effect", *span, end) for span in _merged((b.span for b in lane.bars if b.step not in critical), end)),
        *(_rect("critical", *span, end) for span in _merged((b.span for b in lane.bars if b.step in critical), end)),
    ]
    said = f"works {lasted(round(works, 2))}, waits {lasted(round(waits, 2))}"
    bars = tag("svg", {"class": "bars", "role": "img", "aria-label": said}, tag("title", {}, said), drawn)
    line = tag(
        "summary",
        {"class": "line"},
        tag("span", {"class": "what"}, tag("code", {}, lane.host)),
        bars,
        tag("span", {"class": "sum"}, lasted(round(works, 2))),
    )
    outer: Attributes = {"class": "step", "id": f"s{number}", "data-role": ""}
    return tag("details", outer, line, tag("div", {"class": "body"}, _table(lane, critical)))


def _table(lane: Lane, critical: set[str]) -> Markup:
    names = ("After", "Effect", "Step", "Ended")
    head = tag("thead", {}, tag("tr", {}, [tag("th", {"scope": "col"}, name) for name in names]))
    rows = [tag("tr", {}, *_row(bar, is_critical=bar.step in critical)) for bar in lane.bars]
    caption = tag("caption", {"class": "sr"}, f"Steps of {lane.host}")
    return tag("table", {}, caption, head, tag("tbody", {}, rows))


def _row(bar: Bar, *, is_critical: bool) -> Iterator[Markup]:
    yield tag("td", {}, lasted(round(bar.began, 2)))
    yield tag("td", {}, lasted(round(bar.seconds, 2)) if bar.effect else "–")
    on_path = [tag("span", {"class": "tag bad"}, "critical")] if is_critical else []
    yield tag("td", {}, tag("code", {}, f"{bar.action} {bar.address}"), *on_path)
    yield tag("td", {}, bar.status)


def _critical(session: Session) -> Iterator[Markup]:
    items = [_item(leg.seconds, _leg(leg)) for leg in session.critical]
    if items:
        total = lasted(round(sum(leg.seconds for leg in session.critical), 2))
        yield _list(f"Critical path ({total})", items[:PATH], items[PATH:], "ol")


def _leg(leg: Leg) -> Markup:
    if leg.step is not None:
        return tag("code", {}, leg.step.partition(":")[2])
    return tag(
        "span", {}, "hosts are reached and checked" if leg.began == 0 else "the last is recorded, hosts are told"
    )


def _waits(session: Session) -> Iterator[Markup]:
    waits = [(wait, lane.host) for lane in session.lanes for wait in lane.waits if wait.seconds > 0.01]
    waits.sort(key=lambda item: (-item[0].seconds, item[1], item[0].began))
    items = [_item(wait.seconds, _waited(wait, host)) for wait, host in waits]
    if items:
        yield _list("Waits", items[:LONGEST], items[LONGEST:], "ul")


def _waited(wait: Wait, host: str) -> Markup:
    on = wait.on.partition(":")[2] or wait.on or "its next steps"
    return join((tag("code", {}, host), " for ", tag("code", {}, on)))


def _longest(session: Session) -> Iterator[Markup]:
    """Effects; of one transaction only its first step."""
    found: dict[tuple[str, Span], list[Bar]] = {}
    for lane in session.lanes:
        for bar in lane.bars:
            if bar.effect is not None:
                found.setdefault((lane.host, bar.effect), []).append(bar)
    longest = sorted(found.values(), key=lambda bars: (-bars[0].seconds, bars[0].step))[:LONGEST]
    if longest:
        yield _list("Longest effects", [_item(bars[0].seconds, _effect(bars)) for bars in longest], (), "ol")


def _effect(bars: Sequence[Bar]) -> Markup:
    more = f" and {len(bars) - 1:,} more in one transaction" if len(bars) > 1 else ""
    return join((tag("code", {}, bars[0].address), more))


def _list(title: str, items: Sequence[Markup], rest: Sequence[Markup], kind: str) -> Markup:
    more = [tag("details", {}, tag("summary", {}, f"{len(rest):,} more"), tag(kind, {}, rest))] if rest else []
    return tag("section", {}, tag("h3", {}, title), tag(kind, {}, items), *more)


def _item(seconds: float, what: Markup) -> Markup:
    return tag("li", {}, tag("span", {"class": "took"}, lasted(round(seconds, 2))), what)


def _rect(name: str, began: float, ended: float, whole: float) -> Markup:
    """From when to when, as shares of `whole`; never so narrow that nobody sees it."""
    left = began / whole if whole > 0 else 0.0
    width = max((ended - began) / whole if whole > 0 else 0.0, FINEST)
    y, height = (4, 14) if name in ("critical", "effect") else (8, 6)
    place: Attributes = {"x": f"{left * 100:.3f}%", "width": f"{width * 100:.3f}%", "y": y, "height": height}
    return tag("rect", {"class": name, **place})


def _spans(waits: Sequence[Wait]) -> list[Span]:
    return [(wait.began, wait.ended) for wait in waits]


def _merged(spans: Iterator[Span] | Sequence[Span], whole: float) -> list[Span]:
    """Their union, in order; gaps that nobody could see are closed."""
    found: list[Span] = []
    for began, ended in sorted(span for span in spans if span[1] > span[0]):
        if found and began <= found[-1][1] + whole * FINEST:
            found[-1] = (found[-1][0], max(found[-1][1], ended))
        else:
            found.append((began, ended))
    return found
