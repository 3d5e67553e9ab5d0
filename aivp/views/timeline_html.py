"""A timeline → one HTML page that needs nothing else: no network, no script, light and dark; lanes as SVG.

`_text` is the sole place of escaping for this sink. Bars are attributes of SVG, not styles, so that the page's content
security policy can forbid everything but its one style sheet, by its digest.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterator, Sequence

from aivp.events.timeline import Bar, Lane, Session, Timeline
from aivp.views import escape
from aivp.views.measure import lasted
from aivp.views.timeline_rows import ROUGH, Row, critical_rows, length, longest_rows, title, wait_rows

MOST_ROWS = 200
"""Of each list."""

SCALE = 10_000
"""Units of a lane's width."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --paper: #fff; --faint: #5c656e; --line: #d5dae0;
  --work: #c3ccd6; --effect: #2f7d4f; --critical: #b3261e; --wait: #e3c65b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --paper: #14171a; --faint: #a0a9b2; --line: #353c43;
  --work: #4a545e; --effect: #5fbf85; --critical: #ff7b72; --wait: #8a762a; } }
body { margin: 0 auto; max-width: 90rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.45 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; } h3 { font-size: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; font-weight: normal; padding: .15rem .5rem .15rem 0; vertical-align: middle; }
th { width: 14rem; max-width: 30vw; } td.took { width: 6rem; text-align: right; font-variant-numeric: tabular-nums; }
tr { border-bottom: 1px solid var(--line); }
svg { display: block; width: 100%; height: 1.1rem; }
.work { fill: var(--work); } .effect { fill: var(--effect); } .critical { fill: var(--critical); }
.wait { fill: var(--wait); }
svg.key { display: inline; width: 1rem; height: .8rem; margin: 0 .3rem 0 1rem; }
.note, .key-line { color: var(--faint); }
"""


def render_timeline(timeline: Timeline) -> str:
    """The whole file."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    name = _text(f"Run {timeline.run}", 100)
    sessions = "".join(part for session in timeline.sessions for part in _session(session))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title><style>{_STYLE}</style></head>\n<body><main><h1>{name}</h1>\n"
        f"{sessions or '<p>The log of this run tells nothing of its time.</p>'}</main></body></html>\n"
    )


def _session(session: Session) -> Iterator[str]:
    yield f"<section><h2>{_text(f'Session {title(session)}')}</h2>\n"
    if session.is_rough:
        yield f'<p class="note">{_text(ROUGH)}</p>\n'
    critical = {leg.step for leg in session.critical if leg.step is not None}
    yield "<h3>Hosts</h3>\n<table>\n"
    for lane in session.lanes:
        yield _lane(lane, critical, session.seconds)
    yield f'</table>\n<p class="key-line">{_key()}</p>\n'
    yield from _list("Critical path", critical_rows(session))
    yield from _list("Waits", wait_rows(session))
    yield from _list("Longest effects", longest_rows(session, MOST_ROWS))
    yield "</section>\n"


def _lane(lane: Lane, critical: set[str], end: float) -> str:
    worked, waited = length(lane.work), sum(wait.seconds for wait in lane.waits)
    label = f"{lane.host}: at work for {lasted(round(worked, 2))}, waiting for {lasted(round(waited, 2))}"
    parts = [_rect("work", began, ended, end) for began, ended in lane.work]
    parts += [_rect("wait", wait.began, wait.ended, end, f"waits for {wait.on}" * bool(wait.on)) for wait in lane.waits]
    bars = sorted((bar for bar in lane.bars if bar.effect is not None), key=lambda bar: bar.step in critical)
    parts += [_bar(bar, "critical" if bar.step in critical else "effect", end) for bar in bars]
    drawing = (
        f'<svg viewBox="0 0 {SCALE} 10" preserveAspectRatio="none" role="img" aria-label="{_text(label)}">'
        f"{''.join(parts)}</svg>"
    )
    took = lasted(round(worked, 2))
    return f'<tr><th scope="row">{_text(lane.host, 200)}</th><td>{drawing}</td><td class="took">{took}</td></tr>\n'


def _bar(bar: Bar, name: str, end: float) -> str:
    return _rect(name, *bar.span, end, f"{bar.action} {bar.address}: {bar.status}, {lasted(round(bar.seconds, 2))}")


def _rect(name: str, began: float, ended: float, end: float, about: str = "") -> str:
    scale = SCALE / end if end > 0 else 0.0
    x, width = round(began * scale), max(round((ended - began) * scale), 4)
    inside = f"><title>{_text(about, 600)}</title></rect>" if about else "/>"
    return f'<rect class="{name}" x="{x}" y="0" width="{width}" height="10"{inside}'


def _list(name: str, rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    yield f"<h3>{name}</h3>\n<table>\n"
    for seconds, text in rows[:MOST_ROWS]:
        took = lasted(round(seconds, 2))
        yield f'<tr><td class="took">{took}</td><td>{_text(text)}</td></tr>\n'
    if len(rows) > MOST_ROWS:
        yield f'<tr><td class="took"></td><td class="note">and {len(rows) - MOST_ROWS:,} more</td></tr>\n'
    yield "</table>\n"


def _key() -> str:
    words = {
        "critical": "effect on the critical path",
        "effect": "another effect",
        "work": "looking, comparing, recording",
        "wait": "waiting for another host",
    }
    return "".join(
        f'<svg class="key" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true"><rect class="{name}" '
        f'x="0" y="0" width="1" height="1"/></svg>{text}'
        for name, text in words.items()
    )


def _text(value: str, most: int = escape.MOST) -> str:
    """What a terminal must not see is made visible, and no character is markup, in text and in attributes."""
    return html.escape(escape.line(value, most), quote=True)
