"""How long somebody waits for the page of a large plan, in a real browser, and for the picture of a large graph.

Needs Chromium and its client, which the tests bring; where they are missing the part says so and measures nothing.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aivp.views.graph_fold import folded
from aivp.views.graph_picture import picture_of
from aivp.views.graph_svg import graph_svg
from aivp.views.html_plan import plan_html
from bench.promise import Target
from tests.browser import pages
from tests.browser.chromium import chromium, missing

STEPS, RESOURCES = 10_000, 503
MOST_BYTES, MOST_SECONDS, MOST_SVG = 10_000_000, 2, 5
ROUNDS = 5

Figures = dict[str, float]
"""What was measured → bytes or seconds, the median of the rounds; empty where there is no browser."""

_FILTER = """(wanted) => new Promise((done) => {
  const began = performance.now();
  const list = document.getElementById("severity");
  list.value = wanted;
  list.dispatchEvent(new Event("change"));
  requestAnimationFrame(() => setTimeout(() => done((performance.now() - began) / 1000), 0));
})"""
"""Until the filtered page is painted."""


def measured(say: Callable[[str], None]) -> Figures:
    """All figures of this part."""
    plan = pages.plan(STEPS)
    ir, changes = pages.graph(RESOURCES)
    found: Figures = {}
    found["page"], text = _timed(lambda: plan_html(plan))
    found["bytes"] = float(len(text.encode()))
    found["svg"], _ = _timed(lambda: graph_svg(folded(picture_of(ir, changes))))
    found["svg whole"], _ = _timed(lambda: graph_svg(picture_of(ir, changes)))
    if reason := missing():
        say(f"pages are not opened: {reason}")
        return found
    with tempfile.TemporaryDirectory(prefix="aivp-bench-") as folder:
        path = Path(folder) / "plan.html"
        path.write_text(text, encoding="utf-8")
        opened, filtered = zip(*_in_browser(path.as_uri()), strict=True)
    return {**found, "open": _middle(opened), "filter": _middle(filtered)}


def targets(figures: Figures) -> list[Target]:
    """What issue 6 asks for."""
    plan, graph = f"the HTML page of {STEPS:,} steps", f"the SVG of {RESOURCES} resources"
    return [
        _target(f"{plan}: MB", MOST_BYTES / 1e6, None if "bytes" not in figures else figures["bytes"] / 1e6, ""),
        _target(f"{plan}: until Chromium has opened it", MOST_SECONDS, figures.get("open"), " s"),
        _target(f"{plan}: until Chromium has filtered it", MOST_SECONDS, figures.get("filter"), " s"),
        _target(graph, MOST_SVG, figures.get("svg"), " s"),
    ]


def _target(promise: str, bound: float, value: float | None, unit: str) -> Target:
    limit = f"less than {bound:.0f}{unit}"
    return Target(promise, limit, "not measured" if value is None else f"{value:.2f}{unit}", _is_less(value, bound))


def _is_less(value: float | None, bound: float) -> bool | None:
    return None if value is None else value < bound


def _in_browser(address: str) -> list[tuple[float, float]]:
    """Seconds to open and to filter, round by round, after one that is thrown away."""
    found = []
    with chromium() as browser:
        for number in range(ROUNDS + 1):
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            began = time.monotonic()
            page.goto(address)
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))")
            opened = time.monotonic() - began
            if number > 0:
                found.append((opened, float(page.evaluate(_FILTER, "destroy"))))
            page.close()
    return found


def _timed(make: Callable[[], str]) -> tuple[float, str]:
    times, text = [], ""
    for _ in range(ROUNDS):
        began = time.monotonic()
        text = make()
        times.append(time.monotonic() - began)
    return _middle(times), text


def _middle(values: list[float] | tuple[float, ...]) -> float:
    return sorted(values)[len(values) // 2]
