"""What is said to be done next: right for the situation, and a command that a shell takes as it is meant."""

from __future__ import annotations

import shlex
from dataclasses import replace

from aivp.views.next_text import HERE, LONG, Commands, after_destroy, after_drift, after_plan, after_run
from tests.views.inputs import read_short_plan

PLAN = read_short_plan(
    '{"hosts": {"lab": "local"}, "steps": [{"address": "file.a@lab", "action": "create", "reason": ""}]}'
)
EMPTY = replace(PLAN, steps=[])
PROD = Commands(["-C", "my lab", "-e", "prod", "--var", "a=it's"])


def test_a_plan_says_how_to_apply_or_keep_it() -> None:
    assert after_plan(PLAN, HERE) == [
        "Nothing is changed yet. Do it: aivp apply",
        "Or keep it for review: aivp plan -o plan.json",
    ]
    assert after_plan(PLAN, HERE, files=["a plan.json"]) == [
        "Written to a plan.json. Apply exactly this: aivp apply 'a plan.json'"
    ]
    assert after_plan(EMPTY, HERE, files=["p"]) == ["Written to p."]
    assert after_plan(PLAN, HERE, selection=["--target", "file.a"])[0].endswith("aivp apply --target file.a")
    (line,) = after_plan(PLAN, HERE, observed="e.json")
    assert line.endswith("write it down: aivp plan --observed e.json -o plan.json")


def test_what_cannot_be_applied_gets_no_command() -> None:
    assert after_plan(EMPTY, HERE) == after_drift(EMPTY, HERE) == []
    assert after_plan(replace(PLAN, is_applicable=False), HERE) == []
    assert after_destroy("failed", HERE) == after_run("done", HERE) == []


def test_commands_mean_the_same_project() -> None:
    (line,) = after_plan(PLAN, PROD, files=["p.json"])
    words = shlex.split(line.partition(": ")[2])
    assert words == ["aivp", "apply", "-C", "my lab", "-e", "prod", "--var", "a=it's", "p.json"]
    assert "\x1b" not in Commands(["-C", "\x1b[31m\n"])("apply")


def test_the_end_of_a_run() -> None:
    assert [line.rpartition("aivp ")[2] for line in after_run("failed", HERE)] == [
        "apply --resume. Or change the declaration and plan again.",
        "runs show",
    ]
    assert "runs abandon" in after_run("interrupted", HERE)[0]
    assert after_run("done", HERE, seconds=LONG) == ["Where the time went: aivp runs show --timeline"]
    assert "plan again" in after_run("failed", HERE, is_stale=True)[-1]
    assert after_drift(PLAN, HERE)[0] == "Put it back as declared: aivp apply"
    assert after_destroy("done", HERE)[0].endswith("aivp apply")
