"""The page of a run's timeline: every host and step of it, escaped, whatever its log said."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from aivp.events.logbook import read_timeline
from aivp.events.timeline import Order, Timeline
from aivp.views.html_timeline import timeline_html
from tests.browser.pages import timeline
from tests.cli.test_commands import Shell
from tests.views.test_hostile import TEXT, UNSAFE
from tests.views.test_html_plan import OURS, read

TABLE = frozenset("table caption thead tbody tr th td line".split())


def test_it_says_where_the_time_went() -> None:
    text = "\n".join(read(timeline_html(timeline(3))).texts)
    assert "Begun 2026-11-21 20:00:00Z, done after 12 s" in text
    assert "Taken up again 2026-11-21 20:00:00Z, broken off after 12 s" in text
    assert "hosts are reached and checked" in text
    assert "update file.conf_3@web03" in text
    assert "no durations" in text


def test_bars_stand_where_their_time_is() -> None:
    text = timeline_html(timeline(3))
    assert '<rect class="critical" x="9.167%" width="8.333%"' in text
    assert all(
        float(left) + float(width) <= 100 for left, width in re.findall(r'x="([\d.]+)%" width="([\d.]+)%"', text)
    )


def test_a_run_that_told_nothing() -> None:
    assert "tells nothing of its time" in timeline_html(Timeline("r", []))


@settings(max_examples=50, deadline=None)
@given(TEXT, st.lists(st.floats(-1e9, 1e9), min_size=5, max_size=5))
def test_whatever_a_log_says_is_text(text: str, times: list[float]) -> None:
    lines = [
        {"type": "run-started", "elapsed": 0, "is_resumed": False},
        {"type": "steps-started", "elapsed": times[0], "host": text, "steps": [text]},
        {"type": "step-ended", "elapsed": times[1], "host": text, "step": text, "address": text, "action": text,
         "status": text, "began": times[2], "effect": {"began": times[3], "ended": times[4]}},
        {"type": "run-ended", "elapsed": times[4], "status": text},
    ]  # fmt: skip
    found = timeline_html(read_timeline(text, [json.dumps(line) for line in lines], Order({}, {})))
    assert UNSAFE.search(found) is None
    page = read(found)
    assert page.tags <= OURS | TABLE
    assert len(page.ids) == len(set(page.ids))


def test_runs_show_writes_it(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.declare(f"resources: {{file.motd: {{host: lab, path: {shell.things}/motd, content: hello}}}}\n")
    assert shell.code("apply", "--yes") == 0
    assert shell.code("runs", "show", "--timeline", "--format", "html", "-o", "run.html") == 0
    text = (shell.folder / "run.html").read_text()
    assert "create file.motd@lab" in text
    assert shell.run("runs", "show", "--timeline", "--format", "html").stdout.decode() == text
    for words in (("--format", "html"), ("--timeline", "-o", "x"), ("--timeline", "--format", "html", "--json")):
        assert shell.code("runs", "show", *words) == 1
