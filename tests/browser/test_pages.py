"""What every page promises: tidy at any width, in light and dark; accessible; harmless whatever its values are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests.browser.chromium import SCHEMES, WIDTHS

if TYPE_CHECKING:
    from tests.browser.conftest import Opened

LOOKS = (Path(__file__).parent / "looks.js").read_text(encoding="utf-8")
EVERYTHING = "for (const item of document.querySelectorAll('details')) item.open = !item.matches('.keys')"
NOTHING_SKIPPED = ".step, .host { content-visibility: visible !important; }"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NAMES = ("plan 3", "plan 60", "plan 2000", "graph 11", "graph 60", "graph 503", "hostile", "nothing")
NAMES += ("timeline 12", "hostile timeline")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_texts_stay_in_their_boxes_and_apart(opened: Opened, name: str, width: int) -> None:
    page = opened(name, width, bypass_csp=True)  # only so that the style of this test is let in
    page.add_style_tag(content=NOTHING_SKIPPED)
    assert page.evaluate(LOOKS) == []
    if name != "plan 2000":
        page.evaluate(EVERYTHING)
        assert page.evaluate(LOOKS) == []


@pytest.mark.parametrize(
    ("style", "complaint"),
    [
        (".line { height: 4px; }", "lies over"),
        (".why { white-space: nowrap; position: relative; left: 50rem; }", "leaves its box"),
        ("main { width: 200vw; }", "the page is"),
        (".graph .mono { font-size: 30px; }", "leaves its box"),
    ],
)
def test_an_untidy_page_is_found_out(opened: Opened, style: str, complaint: str) -> None:
    page = opened("plan 60", 800, bypass_csp=True)
    page.add_style_tag(content=style)
    assert complaint in " ".join(page.evaluate(LOOKS))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("plan 2000", "graph 503")])
def test_axe_finds_nothing(opened: Opened, name: str, scheme: Literal["light", "dark"]) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened(name, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")  # axe is a script of its own
    page.add_style_tag(content=NOTHING_SKIPPED)
    page.evaluate(EVERYTHING)
    found = Axe().run(page, options={"runOnly": RULES})
    assert found.violations_count == 0, found.generate_report()


def test_axe_finds_nothing_in_a_narrow_page(opened: Opened) -> None:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(opened("plan 60", 360, bypass_csp=True))
    assert found.violations_count == 0, found.generate_report()


def test_values_are_only_text(opened: Opened) -> None:
    page = opened("hostile")
    assert "owned" not in page.title().replace("document.title='owned'", "")
    assert page.locator("script").count() == 1
    assert page.locator("img, iframe, object, form:not(.tools), a:not([href^='#'])").count() == 0
    assert page.locator("h1").count() == 1
    assert page.locator("style").count() == 1
    page.fill("#search", "onerror")
    page.locator("#found", has_text=" of ").wait_for()
    assert page.locator(".step:not([hidden])").count() == 1
    assert all(character not in page.inner_text("body") for character in "\x00\x1b\x07\u202e\u2066\u200b\ufeff")


def test_the_policy_holds_what_escaping_would_let_slip(opened: Opened) -> None:
    """If a value did become markup, it would neither run nor be fetched."""
    page = opened("plan 3", is_quiet=False)
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=\"http://127.0.0.1:9/\"><b onclick=\"x()\">b</b>');"
        "const s = document.createElement('script'); s.textContent = 'window.owned = 1'; document.body.append(s)"
    )
    assert page.evaluate("window.owned") is None


@pytest.mark.parametrize("name", ["plan 60", "graph 60"])
def test_without_javascript_everything_is_there(opened: Opened, name: str) -> None:
    page = opened(name, java_script_enabled=False)
    assert not page.locator(".tools").is_visible()
    assert page.locator("noscript").first.is_visible()
    folded = page.locator("details.step:not([open])").first
    assert not folded.locator(".body").is_visible()
    folded.locator("summary").first.click()
    assert page.locator("details.step[open] > .body").first.is_visible()


def test_paper_shows_what_the_screen_folds(opened: Opened) -> None:
    page = opened("plan 60", java_script_enabled=False)
    page.emulate_media(media="print")
    assert page.locator("details.step:not([open]) > .body").first.bounding_box()["height"] > 5  # type: ignore[index]
    assert not page.locator(".fit").is_visible()
