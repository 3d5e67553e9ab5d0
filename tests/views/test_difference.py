"""How two plans differ, as it is read: `differences/*.txtar`. AIVP_UPDATE_GOLDEN=1 rewrites them."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivp.plan.compare import compare
from aivp.plan.steps import Plan
from aivp.views import difference_markdown
from aivp.views.difference_text import render_difference
from aivp.views.json_lines import difference_lines
from aivp.views.markdown_escape import size
from tests import schemas, txtar
from tests.views import inputs
from tests.views.fleets import fleet
from tests.views.test_hostile import MARKER, PLANS, UNSAFE, assert_calm

CASES = sorted((Path(__file__).parent / "differences").glob("*.txtar"))
NAMES = ("reviewed.json", "live.json")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_seen(path: Path) -> None:
    comment, files = txtar.read(path)
    plans = inputs.read_short_plan(files["a.json"]), inputs.read_short_plan(files["b.json"])
    found = compare(*plans)
    lines = list(difference_lines(found, *plans))
    for line in lines:
        schemas.check("events", json.loads(line))
    shown = {
        "80": render_difference(found, NAMES, width=80, color=False, verbose=False),
        "160": render_difference(found, NAMES, width=160, color=False, verbose=False),
        "40 color": render_difference(found, NAMES, width=40, color=True, verbose=True).replace("\x1b", "␛"),
        "markdown": difference_markdown.render_difference(found, NAMES, "demo/main"),
        "json": "\n".join(lines),
    }
    shown = {name: f"{text}\n" for name, text in shown.items()}
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        txtar.write(path, comment, {"a.json": files["a.json"], "b.json": files["b.json"], **shown})
    assert {name: files.get(name) for name in shown} == shown


def test_fleets_that_differ_in_the_same_way_are_told_once() -> None:
    before = fleet(100, 20)
    after = replace(
        before, steps=[replace(item, expected="sha256:1") for item in before.steps if item.action != "delete"]
    )
    text = render_difference(compare(before, after), NAMES, width=80, color=False, verbose=False)
    assert "package.telnet on web001 .. web100 (100 hosts)" in text
    assert len(text.splitlines()) < 200
    assert text.endswith("They differ: 100 steps vanish, 1,900 steps differ; 0 steps are the same.")


def test_ten_thousand_steps() -> None:
    before, after = fleet(500, 20), fleet(500, 19)
    started = time.process_time()
    found = compare(before, after)
    render_difference(found, NAMES, width=80, color=False, verbose=False)
    assert size(difference_markdown.render_difference(found, NAMES, "p/e")) <= 65_536
    assert time.process_time() - started < 6
    assert len(found.vanished) == 500


@given(PLANS, PLANS, st.sampled_from([0, 80]))
def test_whatever_they_hold(before: Plan, after: Plan, width: int) -> None:
    found = compare(before, after)
    if len({step.id for step in before.steps}) == len(before.steps):
        assert compare(before, before).is_same
    assert_calm(
        render_difference(found, (before.project, after.project), width=width, color=False, verbose=False), width
    )
    markdown = difference_markdown.render_difference(found, (before.project, after.project), before.project)
    assert size(markdown) <= 65_536
    assert UNSAFE.search(markdown) is None
    assert MARKER not in markdown
