"""A timeline → bars of a terminal: a lane a host, the critical path by name, who waited for whom, the longest effects.

A column shows what filled most of it. Plain ASCII, so that every terminal and log shows it alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from aivp.events.timeline import Bar, Lane, Leg, Session, Timeline
from aivp.views import escape
from aivp.views.measure import lasted
from aivp.views.page import Page, Piece, cells

MOST_LANES = 40
MOST_LINES = 12
"""Lanes, and lines of each list, unless verbose."""

SMALL = 0.02
"""Share of the whole below which neighbours on the critical path are told as one."""

SIGNS: Mapping[str, tuple[str, str]] = {
    "critical": ("#", "bad"),
    "effect": ("=", "good"),
    "work": ("-", ""),
    "wait": (".", "faint"),
    "": (" ", ""),
}
_LEGEND = (
    ("critical", "effect on the critical path"),
    ("effect", "another effect"),
    ("work", "looking, comparing, recording"),
    ("wait", "waiting for another host"),
)
_NAME = 24
_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)

Span = tuple[float, float]


def render_timeline(timeline: Timeline, *, width: int, color: bool = False, verbose: bool = False) -> str:
    """The whole text, without a newline at its end."""
    page = Page(width, color=color)
    for session in timeline.sessions:
        _write_session(page, timeline.run, session, is_verbose=verbose)
        page.blank()
    if not timeline.sessions:
        page.add(("", "The log of this run tells nothing of its time."))
    return page.text()


def _write_session(page: Page, run: str, session: Session, *, is_verbose: bool) -> None:
    word = "taken up again" if session.is_resumed else "begun"
    how = f"{session.status} after" if session.status else "broken off after"
    title = f" {word} at {session.started[:19].replace('T', ' ')}Z, {how} {lasted(session.seconds)}"
    page.add(("strong", f"Run {escape.line(run, 100)}"), ("", escape.line(title, 200)))
    if session.is_rough:
        note = "This log has no durations, since an older aivp wrote it: a step begins where the one before ended."
        page.add(("change", note), hang=0)
    page.blank()
    _write_lanes(page, session, is_verbose=is_verbose)
    _write_critical(page, session, is_verbose=is_verbose)
    _write_waits(page, session, is_verbose=is_verbose)
    _write_longest(page, session)


# --- Lanes -----------------------------------------------------------------------------------------------------------


def _write_lanes(page: Page, session: Session, *, is_verbose: bool) -> None:
    critical = {leg.step for leg in session.critical if leg.step is not None}
    chosen = session.lanes if is_verbose else _chosen(session.lanes, critical)
    if not chosen:
        return
    sums = {lane.host: lasted(round(_length(lane.work), 2)) for lane in chosen}
    names = {lane.host: _short(escape.line(lane.host, 200)) for lane in chosen}
    left, right = max(map(cells, names.values())), max(map(len, sums.values()))
    room = max(page.width - left - right - 2, 10)
    page.add_verbatim("faint", "", " " * (left + 1) + _scale(session.seconds, room), 0)
    for lane in chosen:
        pieces = _bars(lane, critical, session.seconds, room)
        name = names[lane.host] + " " * (left - cells(names[lane.host]) + 1)
        page.add(("strong", name), *pieces, ("", f" {sums[lane.host]:>{right}}"))
    if hidden := len(session.lanes) - len(chosen):
        page.add(("faint", f"and {hidden:,} more hosts (--verbose shows them)"), hang=0)
    page.add_parts(*(("faint", f"{SIGNS[name][0]} {text}{'' if name == 'wait' else ','}") for name, text in _LEGEND))
    page.blank()


def _chosen(lanes: Sequence[Lane], critical: set[str]) -> list[Lane]:
    """Those on the critical path first, then those with the most to do; in the order of their names."""
    if len(lanes) <= MOST_LANES:
        return list(lanes)

    def weight(lane: Lane) -> tuple[bool, float, str]:
        return not any(bar.step in critical for bar in lane.bars), -_length(lane.work), lane.host

    return sorted(sorted(lanes, key=weight)[:MOST_LANES], key=lambda lane: lane.host)


def _bars(lane: Lane, critical: set[str], end: float, room: int) -> list[Piece]:
    effects = _columns((bar.span for bar in lane.bars), end, room)
    on_path = _columns((bar.span for bar in lane.bars if bar.step in critical), end, room)
    work = _columns(lane.work, end, room)
    waits = _columns(((wait.began, wait.ended) for wait in lane.waits), end, room)
    found: list[Piece] = []
    for column in range(room):
        shares = {
            "critical": on_path[column],
            "effect": effects[column] - on_path[column],
            "work": work[column] - effects[column],
            "wait": waits[column],
            "": 1 - work[column] - waits[column],
        }
        sign, meaning = SIGNS[max(shares, key=lambda name: round(shares[name], 6))]
        found.append((meaning, sign))
    return found


def _columns(spans: Iterable[Span], end: float, room: int) -> list[float]:
    """How much of each column is filled by the spans, 0 to 1."""
    found = [0.0] * room
    scale = room / end if end > 0 else 0.0
    for began, ended in _merged(spans):
        first, last = min(began * scale, room), min(ended * scale, room)
        for column in range(int(first), min(int(last) + 1, room)):
            found[column] += max(min(last, column + 1) - max(first, column), 0)
    return found


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
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


def _length(spans: Iterable[Span]) -> float:
    return sum(ended - began for began, ended in _merged(spans))


def _scale(end: float, room: int) -> str:
    """Marks of time above the lanes, as many as stand apart."""
    tick = next((tick for tick in _TICKS if tick / end * room >= 12), _TICKS[-1]) if end > 0 else 1
    text, at = "", 0.0
    while end > 0 and at / end * room < room and len(text) < room:
        column = int(at / end * room)
        mark = lasted(round(at, 3)) if at else "0"
        if column >= len(text) and column + len(mark) <= room:
            text = f"{text:<{column}}{mark} "
        at += tick
    return text.rstrip()


# --- Lists -----------------------------------------------------------------------------------------------------------


def _write_critical(page: Page, session: Session, *, is_verbose: bool) -> None:
    page.add(("strong", "Critical path"), ("", f" ({lasted(round(sum(leg.seconds for leg in session.critical), 2))})"))
    lines = list(_path(session))
    shown = lines if is_verbose else lines[:MOST_LINES]
    for seconds, text in shown:
        _row(page, seconds, text)
    if len(lines) > len(shown):
        rest = sum(seconds for seconds, _ in lines[len(shown) :])
        _row(page, rest, f"{len(lines) - len(shown):,} more (--verbose lists them)")
    page.blank()


def _path(session: Session) -> Iterator[tuple[float, str]]:
    """Legs in their order; short neighbours of one host as one."""
    group: list[Leg] = []
    for leg in session.critical:
        if group and not (leg.step is not None and leg.host == group[0].host and leg.seconds < SMALL * session.seconds):
            yield _told(group)
            group = []
        group.append(leg)
        if leg.step is None or leg.seconds >= SMALL * session.seconds:
            yield _told(group)
            group = []
    if group:
        yield _told(group)


def _told(legs: Sequence[Leg]) -> tuple[float, str]:
    seconds, first = sum(leg.seconds for leg in legs), legs[0]
    if first.step is None:
        return seconds, "hosts are reached and checked" if first.began == 0 else "the last is recorded, hosts are told"
    name = escape.line(first.step.partition(":")[2], 400)
    more = f" and {len(legs) - 1:,} more on {escape.line(first.host, 200)}" if len(legs) > 1 else ""
    return seconds, name + more


def _write_waits(page: Page, session: Session, *, is_verbose: bool) -> None:
    waits = [(wait, lane.host) for lane in session.lanes for wait in lane.waits if wait.seconds > 0.01]
    if not waits:
        return
    page.add(("strong", "Waits"), ("", f" ({lasted(round(sum(wait.seconds for wait, _ in waits), 2))} of all hosts)"))
    waits.sort(key=lambda item: (-item[0].seconds, item[1], item[0].began))
    for wait, host in waits if is_verbose else waits[:MOST_LINES]:
        on = escape.line(wait.on.partition(":")[2] or wait.on, 400)
        _row(page, wait.seconds, f"{escape.line(host, 200)} for {on or 'its next steps'}")
    if len(waits) > MOST_LINES and not is_verbose:
        rest = sum(wait.seconds for wait, _ in waits[MOST_LINES:])
        _row(page, rest, f"{len(waits) - MOST_LINES:,} more (--verbose lists them)")
    page.blank()


def _write_longest(page: Page, session: Session) -> None:
    """Effects; of one transaction only its first step."""
    found: dict[tuple[str, Span], list[Bar]] = {}
    for lane in session.lanes:
        for bar in lane.bars:
            if bar.effect is not None:
                found.setdefault((lane.host, bar.effect), []).append(bar)
    longest = sorted(found.values(), key=lambda bars: (-bars[0].seconds, bars[0].step))[:MOST_LINES]
    if not longest:
        return
    page.add(("strong", "Longest effects"))
    for bars in longest:
        percent = 100 * bars[0].seconds / session.seconds if session.seconds else 0.0
        share = f" ({percent:.0f}%)" if percent >= 1 else ""
        more = f" and {len(bars) - 1:,} more in one transaction" if len(bars) > 1 else ""
        _row(page, bars[0].seconds, f"{escape.line(bars[0].address, 400)}{more}{share}")


def _row(page: Page, seconds: float, text: str) -> None:
    page.add(("", f"{lasted(round(seconds, 2)):>12}  "), ("", text), indent=0, hang=14)


def _short(name: str) -> str:
    return name if cells(name) <= _NAME else name[: _NAME - 3] + "..."
