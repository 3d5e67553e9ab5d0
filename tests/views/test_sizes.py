"""A plan of 3, 60 and 2,000 steps, as it is read: `sizes/*.txtar`. AIVP_UPDATE_GOLDEN=1 rewrites them.

And what must hold of any size: what destroys is named whole, what is unusual is seen, and nobody waits.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from aivp.plan.steps import Step
from aivp.views import markdown
from aivp.views.plan_text import render_plan
from tests import txtar
from tests.views.fleets import fleet

DIGEST = "sha256:" + "0123456789abcdef" * 4
SIZES = {3: (1, 3), 60: (20, 3), 2000: (100, 20)}


@pytest.mark.parametrize("size", SIZES)
def test_what_is_seen(size: int) -> None:
    path = Path(__file__).with_name("sizes") / f"{size}.txtar"
    plan = fleet(*SIZES[size])
    found = {
        f"{width}{' color' if color else ''}": render_plan(plan, width=width, color=color, verbose=False, digest=DIGEST)
        for width, color in ((80, False), (160, False), (80, True))
    }
    found["markdown"] = markdown.render_plan(plan, DIGEST)
    found = {name: text.replace("\x1b", "␛") + "\n" for name, text in found.items()}
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        txtar.write(path, f"A plan of {size:,} steps.\n\n", found)
    assert found == txtar.read(path)[1]


def test_verbose_shows_each_step_of_many() -> None:
    plan = fleet(100, 20)
    text = render_plan(plan, width=100, color=False, verbose=True)
    lines = [line for line in text.splitlines() if not line.startswith("        ")]
    assert all(any(f" {step.address}: " in line for line in lines) for step in plan.steps[::37])
    assert sum(line.startswith("   ") and "@" in line for line in lines) >= len(plan.steps)


def test_one_that_is_unlike_the_others_stands_by_itself() -> None:
    text = render_plan(fleet(100, 20), width=100, color=False, verbose=False)
    assert "web001 .. web099  (99 hosts over ssh, 20 steps on each, alike)" in text
    assert "\nweb100  (ssh, 20 steps)\n" in text
    assert "0644 -> 0777" in text


def test_each_of_hosts_with_values_of_their_own_is_shown_where_they_are_few() -> None:
    text = render_plan(fleet(7, 10), width=100, color=False, verbose=False)
    assert [f'"debian\\n" -> "web00{n}\\n"' in text for n in range(1, 8)] == [True] * 7


def test_everything_that_destroys_is_named_even_where_nothing_else_happens() -> None:
    plan = fleet(1, 1)
    gone = [
        Step(f"delete:{name}@db", f"{name}@db", "file", "db", "delete", "no longer declared", "destroy", {}, {})
        for name in [f"file.{first}{second}" for first in "abcdefghij" for second in "klmnopqrst"]
    ]
    text = render_plan(type(plan)("p", "e", {}, {}, gone, 0), width=80, color=False, verbose=False)
    words = text.partition("\ndb  ")[0].replace(",", " ").split()
    assert all(step.address in words for step in gone)


def test_ten_thousand_steps_do_not_keep_anybody_waiting() -> None:
    for plan in (fleet(500, 20), fleet(1, 10_000)):
        started = time.process_time()
        render_plan(plan, width=100, color=False, verbose=False)
        render_plan(plan, width=100, color=False, verbose=True)
        assert time.process_time() - started < 5
