"""Whatever stands in a plan, a run or a message: no control character, no secret, no line too wide, no exception."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from typing import Any

import pytest
from aivp_contract.values import Binary, Blob, Secret, Unknown, Verdict
from hypothesis import given
from hypothesis import strategies as st

from aivp.diagnostics import Diagnostic, Related, Span
from aivp.events import (
    ContentSent,
    ProviderLogged,
    ProviderProgressed,
    RunEnded,
    RunStarted,
    StepEnded,
    StepsLasting,
    StepsStarted,
)
from aivp.events.logbook import read_timeline
from aivp.events.timeline import Order
from aivp.model.expression import Fact, Ref, Template, Text
from aivp.model.object import Object
from aivp.plan.steps import Plan, Step, StepChange
from aivp.state import RunRecord, StepRecord
from aivp.views.diagnostic_text import render_diagnostics
from aivp.views.json_lines import diagnostic_line, event_line, line, timeline_lines
from aivp.views.page import cells
from aivp.views.plan_text import render_plan
from aivp.views.run_text import RunPrinter, render_run, render_runs
from aivp.views.state_text import render_object, render_objects
from aivp.views.timeline_text import render_timeline

MARKER = "hunter2-marker"
COLORS = re.compile(r"\x1b\[[0-9;]*m")
UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]"
)

TEXT = st.text(
    st.one_of(st.sampled_from("ab \n\t\r\x00\x1b\x7f\x9b\u202e\u2066\u2028\ud800\U000e0041日-+@{}%"), st.characters()),
    max_size=100,
)
SECRETS = st.builds(Secret, st.fixed_dictionaries({"secret": TEXT, "version": TEXT}), st.just(MARKER))
REFS = st.builds(Ref, TEXT, st.lists(st.one_of(TEXT, st.integers()), max_size=2).map(tuple))
TAGGED = st.one_of(
    SECRETS,
    REFS,
    st.just(Unknown()),
    st.builds(Verdict, st.sampled_from([True, False, None])),
    st.builds(Blob, TEXT, st.integers(0, 2**50)),
    st.builds(Binary, TEXT),
    st.builds(Fact, TEXT, st.lists(TEXT, max_size=2).map(tuple)),
    st.builds(Text, st.lists(st.one_of(TEXT, SECRETS, REFS), max_size=3).map(tuple)),
    st.builds(Template, TEXT, TEXT, st.dictionaries(TEXT, SECRETS, max_size=1)),
)
VALUES = st.recursive(
    st.one_of(TEXT, TAGGED, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=8,
)
CHANGES = st.builds(
    StepChange,
    st.sampled_from(["add", "remove", "replace"]),
    TEXT,
    VALUES,
    VALUES,
    st.sampled_from(["intent", "drift"]),
)
ACTIONS = ("create", "update", "replace", "delete", "adopt", "move", "forget", "refresh", "no-op")
STEPS = st.builds(
    Step,
    id=TEXT,
    address=TEXT,
    kind=TEXT,
    host=TEXT,
    action=st.sampled_from(ACTIONS),
    reason=TEXT,
    severity=st.sampled_from(["none", "change", "disrupt", "destroy"]),
    config=st.just({}),
    identity=st.just({}),
    changes=st.lists(CHANGES, max_size=4),
    is_conditional=st.booleans(),
    is_deferred=st.booleans(),
    bounds=st.lists(TEXT, max_size=2),
    waits_for=st.lists(TEXT, max_size=2),
    notifies=st.lists(TEXT, max_size=2),
    previous=st.one_of(st.none(), TEXT),
    provenance=st.sampled_from(["created", "adopted"]),
)
NAMES = st.dictionaries(TEXT, TEXT, max_size=2)
PLANS = st.builds(
    Plan,
    project=TEXT,
    environment=TEXT,
    pins=st.just({}),
    hosts=st.just({}),
    steps=st.lists(STEPS, max_size=3),
    unchanged=st.integers(0, 10**6),
    left_out=NAMES,
    is_applicable=st.booleans(),
    notes=st.lists(TEXT, max_size=2),
)
ERRORS = st.one_of(
    st.none(),
    st.dictionaries(st.sampled_from(["class", "message", "path", "mend"]), st.one_of(TEXT, VALUES), max_size=4),
)
WIDTHS = st.sampled_from([0, 40, 80, 160])


def assert_calm(text: str, width: int, *, color: bool = False) -> None:
    """A terminal of this width shows this text, and nothing else happens."""
    plain = COLORS.sub("", text) if color else text
    assert UNSAFE.search(plain) is None
    assert MARKER not in text
    for row in plain.split("\n"):
        assert cells(row) <= max(width, 40)
        assert row == row.rstrip(" ")


@given(PLANS, WIDTHS, st.booleans(), st.booleans())
def test_a_plan(plan: Plan, width: int, color: bool, verbose: bool) -> None:
    assert_calm(render_plan(plan, width=width, color=color, verbose=verbose), width, color=color)


@given(TEXT, st.lists(TEXT, max_size=3), st.integers(-1, 5), st.integers(-1, 120), WIDTHS)
def test_a_diagnostic(text: str, lines: list[str], number: int, column: int, width: int) -> None:
    span = Span(text, number, column)
    item = Diagnostic("AIVP0101", text, text, span, text, (Related(span, text),))
    found = render_diagnostics(
        [item, Diagnostic("X", text, address=text)], lambda _: "\n".join(lines), color=False, width=width
    )
    assert_calm(found, width)
    assert diagnostic_line(item).isprintable()


@given(TEXT, TEXT, st.sampled_from([*ACTIONS, "\x1b"]), ERRORS, WIDTHS)
def test_a_run(text: str, status: str, action: str, error: Any, width: int) -> None:
    events = [RunStarted(text, text, 3, is_resumed=True), StepsStarted(text, [text])]
    events += [StepEnded(text, text, text, name, action, error) for name in ("done", "failed", "blocked", status)]
    events += [ProviderLogged(text, text, level, text, text) for level in ("info", "warning", status)]
    events += [ProviderLogged(text, text, "info", text), ProviderProgressed(text, text, text, text, 1.5, 3)]
    events += [StepsLasting(text, [text], 3, 1.5), ContentSent(text, text, text, 3, 10**18)]
    events.append(RunEnded(text, status, {text: 3, "stale": 1}))
    lines: list[str] = []
    printer = RunPrinter(lines.append, color=False, verbose=True, width=width)
    for event in events:
        printer.listen(event)
        assert event_line(event, text).isprintable()
        assert MARKER not in event_line(event, text)
    assert_calm("\n".join(lines), width)
    log = [event_line(event, "2026-01-01T00:00:00.000+00:00", number) for number, event in enumerate(events)]
    found = read_timeline(text, log, Order({text: [text]}, {text: [text]}))
    assert_calm(render_timeline(found, width=width, verbose=True), width)
    assert all(line.isprintable() for line in timeline_lines(found))
    runs = [RunRecord(text, text, b"", status, text, text)]
    assert_calm(render_runs(runs, width=width), width)
    assert_calm(render_run(runs[0], [StepRecord(text, status, action, error, text)], width=width), width)


@given(TEXT, st.dictionaries(TEXT, VALUES, max_size=4), WIDTHS, st.booleans())
def test_an_object(text: str, fields: dict[str, Any], width: int, verbose: bool) -> None:
    item = Object(text, text, text, fields, "adopted", fields, fields, edges=[text], incarnation=text)
    assert_calm(render_objects([item], width=width), width)
    assert_calm(render_object(item, width=width, verbose=verbose), width)


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_json_is_one_printable_line_that_can_be_read_again(fields: dict[str, Any]) -> None:
    text = line("thing", {"fields": fields})
    assert text.isascii()
    assert text.isprintable()
    assert MARKER not in text
    assert json.loads(text)["aivp"] == 1


@pytest.mark.parametrize("verbose", [False, True])
def test_a_line_of_a_megabyte(verbose: bool) -> None:
    big = "x" * 1_000_000
    changes = [
        StepChange("replace", "/content", big + "\n", big + "y\n", "intent"),
        StepChange("replace", f"/{big}", big, big + "y", "intent"),
        StepChange("add", "/list", None, [big] * 3, "intent"),
    ]
    step = Step(big, f"file.{big}@lab", "file", "lab", "update", big, "change", {}, {}, changes)
    started = time.monotonic()
    text = render_plan(Plan("p", "e", {}, {}, [step], 0), width=80, color=False, verbose=verbose)
    assert time.monotonic() - started < 5
    assert len(text) < (200_000 if verbose else 10_000)


def test_a_step_is_shown_even_where_its_host_is_not_in_the_plan() -> None:
    step = Step("delete:a.b@c", "a.b@c", "a", "c", "delete", "no longer declared", "destroy", {}, {})
    text = render_plan(Plan("p", "e", {}, {}, [step], 0), width=80, color=False, verbose=False)
    assert "- a.b@c: no longer declared" in text


def test_plain_output_imports_neither_rich_nor_click() -> None:
    names = "plan_text, diagnostic_text, run_text, state_text, json_lines"
    code = (
        f"import sys; from aivp.views import {names}; sys.exit(bool({{'rich', 'click', 'jinja2'}} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
