"""The page of a plan as text: all of it is there, escaped once, and the same plan gives the same bytes."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aivp.plan.steps import Plan, Step, StepChange
from aivp.views import markup
from aivp.views.html_plan import MOST_BYTES, plan_html
from aivp.views.html_step import LINKS
from tests.cli.test_commands import Shell
from tests.views.fleets import fleet
from tests.views.test_hostile import MARKER, PLANS, TEXT, UNSAFE

DIGEST = "sha256:" + "0123456789abcdef" * 4
OURS = frozenset(
    "html head meta title style body a header h1 h2 h3 main section div details summary span code strong em p ul ol li"
    " dl dt dd pre ins del mark form label input select option button kbd noscript svg defs marker path rect g text"
    " script".split()
)


class Reader(HTMLParser):
    """Every element that a browser would see, its attributes, and the text outside of style and script."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.texts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        found = dict(attrs)
        if "id" in found:
            self.ids.append(str(found["id"]))
        if tag == "a":
            self.links.add(str(found["href"]))
        if tag not in ("meta", "input", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag and tag not in ("meta", "input"):
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["script"]):
            self.texts.append(data)


def read(text: str) -> Reader:
    found = Reader()
    found.feed(text)
    found.close()
    assert found.open == []
    return found


@settings(max_examples=60, deadline=None)
@given(PLANS)
def test_whatever_a_plan_holds_is_text(plan: Plan) -> None:
    assume(len({step.id for step in plan.steps}) == len(plan.steps))  # as `read_plan` asks for
    text = plan_html(plan, DIGEST)
    assert UNSAFE.search(text) is None
    assert MARKER not in text
    found = read(text)
    assert found.tags <= OURS
    assert not any(name.startswith("on") or name == "src" for name in found.names)
    assert len(found.ids) == len(set(found.ids))
    assert found.links <= {"#main", *(f"#{name}" for name in found.ids)}


@given(TEXT)
def test_text_reads_as_it_was_written(value: str) -> None:
    shown = read(f"<p>{markup.text(value)}</p><p>{markup.tag('a', {'href': value, 'title': value})}</p>")
    assert "".join(shown.texts) == markup.escape.line(value)
    assert markup.text(markup.text(value)) == markup.text(value)


@given(st.sampled_from(["text", "block"]), TEXT)
def test_no_text_ends_what_it_stands_in(door: str, value: str) -> None:
    shown = getattr(markup, door)(value)
    assert not set(shown) & set("<>\"'")


def test_a_step_says_all_of_itself() -> None:
    text = "\n".join(read(plan_html(fleet(20, 7), DIGEST)).texts)
    for said in (
        "file.",
        "the declaration changed",
        "0644",
        "0777",
        "drift",
        "looked at again",
        "(secret deploy)",
        DIGEST,
    ):
        assert said in text
    assert "3 of" not in text


def test_every_step_is_in_it_however_many() -> None:
    plan = fleet(100, 20)
    found = read(plan_html(plan))
    assert {f"s{number}" for number in range(1, len(plan.steps) + 1)} <= set(found.ids)


def test_everything_that_destroys_is_linked() -> None:
    plan = fleet(100, 20)
    page = plan_html(plan).partition('class="severe"')[2].partition("</section>")[0]
    assert all(f"<code>{step.address}</code>" in page for step in plan.steps if step.severity in ("destroy", "disrupt"))


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert plan_html(fleet(5, 20), DIGEST) == plan_html(fleet(5, 20), DIGEST)


def test_its_policy_names_its_own_script_and_style_only() -> None:
    text = plan_html(fleet(1, 3))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    for name in ("script", "style"):
        (inside,) = re.findall(f"<{name}>(.*?)</{name}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    assert not re.search(r"\ssrc=|url\((?!#)|@import|<link", text)


def test_ten_thousand_steps_are_written_in_time_and_small_enough() -> None:
    started = time.process_time()
    assert len(plan_html(fleet(500, 20)).encode()) < 10_000_000
    assert time.process_time() - started < 5


def test_what_is_too_large_is_cut_and_says_so() -> None:
    big = "".join(f"{number} {'x' * 500}\n" for number in range(3000))
    long = StepChange("add", "/line", None, "y" * 10**6, "intent")
    changes = [StepChange("add", "/content", None, big, "intent"), long]
    steps = [
        Step(f"{n}", f"file.n{n}@lab", "file", "lab", "create", "", "change", {}, {}, changes) for n in range(30)
    ]  # fmt: skip
    text = plan_html(Plan("p", "e", {}, {}, steps, 0))
    assert len(text.encode()) <= MOST_BYTES
    assert "more lines are not in this page" in text
    assert "more characters" in text


def test_one_that_waits_for_many_names_some() -> None:
    first = [Step(f"a{n}", f"file.n{n}@lab", "file", "lab", "create", "", "change", {}, {}) for n in range(50)]
    last = Step("z", "file.z@lab", "file", "lab", "create", "", "change", {}, {}, waits_for=[s.id for s in first])
    text = plan_html(Plan("p", "e", {}, {}, [*first, last], 0))
    assert f"{50 - LINKS} more" in text


def test_nothing_to_do_is_said() -> None:
    text = plan_html(Plan("p", "e", {}, {}, [], 12))
    assert "No changes. 12 resources are as declared." in text
    assert "<svg" not in text


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    found.declare(f"resources: {{file.motd: {{host: lab, path: {found.things}/motd, content: hello}}}}\n")
    assert found.code("plan", "-o", "plan.json") == 0
    return found


def test_show_writes_a_page(shell: Shell) -> None:
    assert shell.run("show", "plan.json", "--format", "html", "-o", "plan.html").stdout == b""
    text = (shell.folder / "plan.html").read_text()
    assert text.startswith("<!doctype html>")
    assert hashlib.sha256((shell.folder / "plan.json").read_bytes()).hexdigest() in text
    assert shell.run("show", "plan.json", "--format", "html").stdout.decode() == text


def test_a_page_without_a_form_is_refused(shell: Shell) -> None:
    done = shell.run("show", "plan.json", "-o", "plan.html")
    assert done.returncode == 1
    assert b"--format" in done.stderr
    assert not (shell.folder / "plan.html").exists()


def test_a_page_that_cannot_be_written_is_refused(shell: Shell) -> None:
    done = shell.run("show", "plan.json", "--format", "html", "-o", "nowhere/plan.html")
    assert done.returncode == 1
    assert b"AIVP0902" in done.stderr


def test_nobody_listens(shell: Shell) -> None:
    done = shell.pipe("aivp show plan.json --format html | head -c 10; exit ${PIPESTATUS[1]}")
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
