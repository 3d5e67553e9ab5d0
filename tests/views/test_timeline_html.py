"""The page of a timeline: whole, closed to the outside, and no value of it is markup."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivp.events.logbook import read_timeline
from aivp.events.timeline import Order
from aivp.views import escape
from aivp.views.timeline_html import render_timeline
from tests import txtar

CASES = Path(__file__).parent / "cases"
KNOWN = frozenset("html head meta title style body main section h1 h2 h3 p table tr th td svg rect".split())
ATTRIBUTES = frozenset(
    "lang charset http-equiv content name class viewbox preserveaspectratio role aria-label aria-hidden x y width"
    " height scope".split()
)
HOSTILE = (
    "</style></script><script>alert(1)</script><img src=x onerror=alert(1)>\"' onload='x' & \u202e\x1b[31m\x00 ]]> <!--"
)


class Reader(HTMLParser):
    """Fails on any element or attribute that the page does not make itself; `said` is its text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in KNOWN, tag
        assert {name for name, _ in attrs} <= ATTRIBUTES, attrs
        if tag not in ("meta", "rect") or (tag == "rect" and not self.get_starttag_text().endswith("/>")):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in KNOWN
        assert {name for name, _ in attrs} <= ATTRIBUTES

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            assert escape.block(data, len(data)) == data
            self.said += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def lines(host: str) -> list[str]:
    step = f"create:file.{host}@{host}"
    started = {"type": "run-started", "elapsed": 0, "time": host, "is_resumed": False}
    begun = {"type": "steps-started", "elapsed": 0.1, "host": host, "steps": [step]}
    ended = {"type": "step-ended", "elapsed": 2, "host": host, "step": step, "address": step[7:], "action": host}
    ended |= {"status": host, "began": 0.1, "effect": {"began": 0.2, "ended": 1.9}}
    return [json.dumps(item) for item in (started, begun, ended, {"type": "run-ended", "elapsed": 2.1, "status": host})]


@pytest.mark.parametrize("case", ["timeline", "timeline_rough"])
def test_a_page_holds_what_the_terminal_shows(case: str) -> None:
    _, files = txtar.read(CASES / f"{case}.txtar")
    order = Order(**{"waits_for": {}, "behind": {}, **json.loads(files.get("order.json", "{}"))})
    page = render_timeline(read_timeline("4f2a", files["log.jsonl"].splitlines(), order))
    reader = read(page)
    assert "http://" not in page
    assert "https://" not in page
    assert "default-src 'none'" in page
    for text in ("Critical path", "Longest effects"):
        assert text in reader.said


@given(st.text() | st.just(HOSTILE))
def test_whatever_a_log_holds_is_text(host: str) -> None:
    read(render_timeline(read_timeline(host, lines(host), Order({}, {}))))


def test_ten_thousand_steps_are_a_page_below_ten_megabytes() -> None:
    steps = [f"create:file.a_name_of_usual_length_{n}@host" for n in range(10_000)]
    log = [
        json.dumps({"type": "run-started", "elapsed": 0}),
        json.dumps({"type": "steps-started", "elapsed": 0, "host": "host", "steps": steps}),
    ]
    for n, step in enumerate(steps):
        effect = {"began": n / 10, "ended": n / 10 + 0.05}
        log.append(
            json.dumps(
                {
                    "type": "step-ended",
                    "elapsed": n / 10 + 0.06,
                    "host": "host",
                    "step": step,
                    "address": step[7:],
                    "began": n / 10,
                    "effect": effect,
                    "action": "create",
                    "status": "done",
                }
            )
        )
    page = render_timeline(read_timeline("r", log, Order({}, {})))
    assert 1_000_000 < len(page) < 5_000_000
