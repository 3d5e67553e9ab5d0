"""Whatever stands in a plan: on a forge it is text, nothing else, and never too much of it."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from aivp.plan.steps import Plan, Step, StepChange
from aivp.views.markdown import LIMIT, render_plan
from aivp.views.markdown_escape import code, fence, marker, size, span
from tests.views.fleets import fleet
from tests.views.test_hostile import MARKER, PLANS, UNSAFE

DIGEST = "sha256:" + "0" * 64
EVIL = (
    "@team #12 <script>x</script> </details> `a` ```\n```\n* [x](javascript:y) ![i](http://e) https://e.x | \\ $x$ :+1:"
)
ATTACK = st.text(st.sampled_from("`\n \t@#<>&|*_[]()!\\~:-+=ab\u202e\x1b日\ud800"), max_size=60)


def _texts(markdown: str) -> tuple[str, str]:
    """What a forge reads as text and markup, and what as code."""
    outside: list[str] = []
    inside: list[str] = []
    for block in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown):
        if block.type == "fence":
            inside.append(block.content)
        elif block.type == "html_block":
            outside.append(re.sub("<code>.*?</code>|<!-- aivp.* -->", "", block.content))
        for token in block.children or ():
            (inside if token.type == "code_inline" else outside).append(token.content)
    return "\n".join(outside), "\n".join(inside)


def _evil() -> Plan:
    changes = [
        StepChange("replace", "/content", f"a\n{EVIL}\nb\n", f"a\n{EVIL}!\nb\n", "intent"),
        StepChange("replace", f"/{EVIL}", EVIL, f"{EVIL}.", "drift"),
        StepChange("add", f"/set/{EVIL}", None, EVIL, "drift"),
    ]
    step = Step("x", f"file.{EVIL}@{EVIL}", "file", EVIL, "update", EVIL, "destroy", {}, {}, changes, previous=EVIL)
    names = {EVIL: EVIL}
    return Plan(EVIL, EVIL, {}, {}, [step], 0, names, names, {}, {EVIL: {EVIL: EVIL}}, notes=[EVIL])


def test_nothing_of_it_is_read_as_markup() -> None:
    outside, inside = _texts(render_plan(_evil(), EVIL))
    assert "@team #12 <script>x</script>" in inside
    for text in ("@team", "#12", "script", "javascript", "http", ":+1:", "$x$"):
        assert text not in outside


def test_a_transport_is_no_html() -> None:
    plan = fleet(1, 3)
    host = plan.hosts["web001"]
    evil = replace(host, host=replace(host.host, transport="<img src=x onerror=y>@team"))
    outside, _ = _texts(render_plan(replace(plan, hosts={"web001": evil}), DIGEST))
    assert "<img" not in outside
    assert "@team" not in outside


@given(ATTACK)
def test_a_span_is_one_span_that_shows_it(text: str) -> None:
    (_, inline, _) = MarkdownIt("gfm-like", {"linkify": False}).parse(f"before {span(text)} after")
    assert [item.type for item in inline.children or ()] == ["text", "code_inline", "text"]
    assert UNSAFE.search(span(text)) is None


@given(st.lists(ATTACK, max_size=5))
def test_a_fence_is_one_block(lines: list[str]) -> None:
    found = MarkdownIt("gfm-like", {"linkify": False}).parse(f"a\n\n{fence(lines, 'diff')}\n\nb")
    assert [item.type for item in found] == [
        *("paragraph_open", "inline", "paragraph_close", "fence"),
        *("paragraph_open", "inline", "paragraph_close"),
    ]
    assert found[3].content.count("\n") == len(lines)


@given(ATTACK)
def test_a_line_of_html_stays_one(text: str) -> None:
    shown = code(text)
    assert re.sub(r"</?code>", "", shown).count("<") == 0
    assert "\n" not in shown
    assert marker(text).count("-->") == 1
    assert "--" not in marker(text)[4:-3]


@given(PLANS, st.sampled_from([LIMIT, 5000]))
def test_any_plan(plan: Plan, limit: int) -> None:
    text = render_plan(plan, DIGEST, limit)
    assert size(text) <= LIMIT
    assert UNSAFE.search(text) is None
    assert MARKER not in text


def test_a_comment_is_found_again_by_its_first_line() -> None:
    assert render_plan(fleet(1, 3), DIGEST).startswith("<!-- aivp/plan/shop/prod -->\n")
    assert render_plan(fleet(2, 3), DIGEST).startswith("<!-- aivp/plan/shop/prod -->\n")


def test_too_large_a_plan_keeps_what_counts_most() -> None:
    steps = [
        Step(
            f"{n}",
            f"file.n{n:05}x@h{n % 50}",
            "file",
            f"h{n % 50}",
            action,
            f"why {n % 700}",
            severity,
            {},
            {},
            changes,
        )
        for n in range(5000)
        for action, severity in ([("delete", "destroy")] if n % 500 == 7 else [("update", "change")])
        for changes in [[StepChange("replace", "/content", f"{n}\n" * 9, f"{n * n}\n" * 9, "intent")]]
    ]
    text = render_plan(Plan("shop", "prod", {}, {}, steps, 0), DIGEST)
    assert 30_000 < size(text) <= LIMIT
    assert all(step.address in text for step in steps if step.severity == "destroy")
    assert f"Digest `{DIGEST}`" in text
    assert re.search(r"\*\*[\d,]+ steps not shown:\*\*", text)


def test_of_one_large_host_without_anything_severe_the_first_steps_are_shown() -> None:
    steps = [
        Step(f"{n}", f"file.n{n:05}@lab", "file", "lab", "update", f"why {n}", "change", {}, {}, [change])
        for n in range(5000)
        for change in [StepChange("replace", "/content", f"{n}\n", f"{n * n}\n", "intent")]
    ]
    text = render_plan(Plan("shop", "prod", {}, {}, steps, 0), DIGEST)
    shown = text.count("file.n0")
    assert shown > 300
    assert f"**{5000 - shown:,} steps not shown:**" in text


def test_one_value_of_a_megabyte() -> None:
    changes = [StepChange("replace", "/content", "`" * 1_000_000 + "\n", "@a " * 400_000 + "\n", "intent")]
    step = Step(
        "x" * 1_000_000,
        f"file.{'y' * 1_000_000}@lab",
        "file",
        "lab",
        "update",
        "z" * 1_000_000,
        "change",
        {},
        {},
        changes,
    )
    text = render_plan(Plan("p" * 1_000_000, "e", {}, {}, [step], 0), DIGEST)
    assert size(text) <= LIMIT
    assert "characters" in text
