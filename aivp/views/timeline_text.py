"""A timeline → bars of a terminal: a lane a host, the critical path by name, who waited for whom, the longest effects.

A column shows what filled most of it. Plain ASCII, so that every terminal and log shows it alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aivp.events.timeline import Lane, Session, Timeline
from aivp.views import escape
from aivp.views.measure import lasted
from aivp.views.page import Page, Piece, cells
from aivp.views.timeline_rows import (
    ROUGH,
    Row,
    Span,
    critical_rows,
    length,
    longest_rows,
    merged,
    title,
    wait_rows,
)

MOST_LANES = 40
MOST_LINES = 12
"""Lanes, and lines of each list, unless verbose."""

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
    page.add(("strong", f"Run {escape.line(run, 100)}"), ("", f" {title(session)}"))
    if session.is_rough:
        page.add(("change", ROUGH), hang=0)
    page.blank()
    _write_lanes(page, session, is_verbose=is_verbose)
    path, waited = critical_rows(session), wait_rows(session)
    whole = f" ({lasted(round(sum(seconds for seconds, _ in path), 2))})"
    _write_rows(page, "Critical path", whole, path, is_verbose=is_verbose)
    whole = f" ({lasted(round(sum(seconds for seconds, _ in waited), 2))} of all hosts)"
    _write_rows(page, "Waits", whole, waited, is_verbose=is_verbose)
    _write_rows(page, "Longest effects", "", longest_rows(session, MOST_LINES), is_verbose=True)


# --- Lanes -----------------------------------------------------------------------------------------------------------


def _write_lanes(page: Page, session: Session, *, is_verbose: bool) -> None:
    critical = {leg.step for leg in session.critical if leg.step is not None}
    chosen = session.lanes if is_verbose else _chosen(session.lanes, critical)
    if not chosen:
        return
    sums = {lane.host: lasted(round(length(lane.work), 2)) for lane in chosen}
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
        return not any(bar.step in critical for bar in lane.bars), -length(lane.work), lane.host

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
    for began, ended in merged(spans):
        first, last = min(began * scale, room), min(ended * scale, room)
        for column in range(int(first), min(int(last) + 1, room)):
            found[column] += max(min(last, column + 1) - max(first, column), 0)
    return found


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


def _write_rows(page: Page, title: str, about: str, rows: Sequence[Row], *, is_verbose: bool) -> None:
    """Rows unless there are none; the first of them unless verbose, and what the rest comes to."""
    if not rows:
        return
    page.add(("strong", title), ("", about))
    shown = rows if is_verbose else rows[:MOST_LINES]
    for seconds, text in shown:
        _row(page, seconds, text)
    if len(rows) > len(shown):
        rest = sum(seconds for seconds, _ in rows[len(shown) :])
        _row(page, rest, f"{len(rows) - len(shown):,} more (--verbose lists them)")
    page.blank()


def _row(page: Page, seconds: float, text: str) -> None:
    page.add(("", f"{lasted(round(seconds, 2)):>12}  "), ("", text), indent=0, hang=14)


def _short(name: str) -> str:
    return name if cells(name) <= _NAME else name[: _NAME - 3] + "..."
