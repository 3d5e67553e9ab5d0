"""What a reader does with the page of a plan: filter, search, fold, follow links, use keys and the graph."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.browser.pages import page as written

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Opened

MOST_BYTES = 10_000_000


def found(page: Page) -> str:
    return page.inner_text("#found")


def wait_for(page: Page, beginning: str) -> None:
    """Until that many are shown: a search waits until somebody has typed."""
    page.locator("#found", has_text=re.compile(f"^{beginning}")).wait_for()


def shown(page: Page) -> list[str]:
    return page.eval_on_selector_all(".step:not([hidden]) .what code", "items => items.map(i => i.textContent)")


def test_lists_filter_and_go_together(opened: Opened) -> None:
    page = opened("plan 60")
    assert found(page) == "60 steps"
    page.select_option("#severity", "destroy")
    assert found(page) == "3 of 60 steps shown"
    assert set(shown(page)) == {"package.telnet"}
    page.select_option("#host", "web002")
    assert found(page) == "1 of 60 steps shown"
    assert page.locator(".host:visible").count() == 1
    page.select_option("#severity", "")
    page.select_option("#role", "create")
    assert len(shown(page)) == 15
    page.click("#reset")
    assert found(page) == "60 steps"
    assert not page.locator("#reset").is_visible()


def test_search_looks_into_what_is_folded(opened: Opened) -> None:
    page = opened("plan 60")
    page.fill("#search", "WEB003 port 8007")
    wait_for(page, "1 of")
    assert shown(page) == ["file.conf[7]"]
    page.fill("#search", "<b>nowhere")
    wait_for(page, "0 of")
    assert page.locator(".host:visible").count() == 0


def test_all_fold_and_unfold(opened: Opened) -> None:
    page = opened("plan 60")
    page.click("#unfold")
    assert page.locator("details.step:not([open])").count() == 0
    page.click("#fold")
    assert page.locator("details.step[open]").count() == 0


def test_keys(opened: Opened) -> None:
    page = opened("plan 60")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("jug")
    assert page.input_value("#search") == "jug"  # while somebody types, keys are letters
    page.keyboard.press("Escape")
    assert page.input_value("#search") == ""
    page.evaluate("document.activeElement.blur()")
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.closest('.step').id") == "s2"
    page.keyboard.press("u")
    assert page.locator("details.step:not([open])").count() == 0
    page.keyboard.press("f")
    page.keyboard.press("g")
    assert page.locator("#graph[open]").count() == 0
    page.keyboard.press("Control+f")
    assert page.locator("details.step[open]").count() == 0


def test_everything_is_reached_by_tab_and_opened_by_enter(opened: Opened) -> None:
    page = opened("plan 3")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert {"search", "role", "severity", "unfold", "fold", "fit", "scroll", "line"} <= seen
    line = page.locator("details.step > summary").first
    line.focus()
    before = page.locator("details.step[open]").count()
    page.keyboard.press("Enter")
    assert page.locator("details.step[open]").count() == before - 1


def test_a_link_leads_to_its_step_even_where_a_filter_hides_it(opened: Opened) -> None:
    page = opened("plan 60")
    page.select_option("#severity", "disrupt")
    page.click(".severe a >> text=package.telnet@web002")
    assert page.evaluate("document.activeElement.closest('.step').textContent").find("telnet") > 0
    assert found(page) == "60 steps"


def test_the_graph_answers_to_the_steps(opened: Opened) -> None:
    page = opened("plan 60")
    page.locator(".step .line").first.focus()
    assert page.locator(".graph.focus .box.hot").count() == 2  # file.site and the service that it notifies
    assert page.locator(".graph .arrow.hot").count() == 1
    page.locator(".graph .box").nth(5).click()
    assert page.evaluate("document.activeElement.classList.contains('line')")


def test_a_box_of_several_shows_these(opened: Opened) -> None:
    page = opened("plan 2000")
    box = page.locator(".graph .box", has_text="× 100").first
    box.click()
    assert found(page) == "100 of 2,000 steps shown"


def test_the_graph_is_beside_the_steps_where_there_is_room(opened: Opened) -> None:
    wide = opened("plan 60", 1600)
    steps, graph = (wide.locator(name).bounding_box() for name in (".steps", "#graph"))
    assert graph["x"] >= steps["x"] + steps["width"]
    narrow = opened("plan 60", 800)
    steps, graph = (narrow.locator(name).bounding_box() for name in (".steps", "#graph"))
    assert graph["y"] + graph["height"] <= steps["y"]


def test_ten_thousand_steps_open_and_filter_while_nobody_waits(opened: Opened, record_property) -> None:
    """The bound is 2 s each on a quiet machine (`bench --only pages` measures it); here others are at work, too."""
    size = len(written("plan 10000").encode())
    assert size < MOST_BYTES
    started = time.monotonic()
    page = opened("plan 10000")
    assert found(page) == "10,000 steps"
    opening = time.monotonic() - started
    started = time.monotonic()
    page.select_option("#severity", "destroy")
    page.fill("#search", "web49")
    wait_for(page, "10 of")
    filtering = time.monotonic() - started
    record_property(
        "told", f"A page of 10,000 steps: {size / 1e6:.1f} MB, opened in {opening:.1f} s, filtered in {filtering:.1f} s"
    )
    assert max(opening, filtering) < 6


@pytest.mark.parametrize("name", ["graph 60", "graph 503"])
def test_the_page_of_a_graph_is_searched_and_filtered(opened: Opened, name: str) -> None:
    page = opened(name)
    page.select_option("#kind", "user")
    assert set(shown(page)) == {"user.deploy"}
    page.select_option("#kind", "")
    page.select_option("#role", "delete")
    assert shown(page) == ["package.telnet"]
