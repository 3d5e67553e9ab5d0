"""One browser for all tests of a process, and pages opened in it as files, in whatever way a test asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import pages
from tests.browser.chromium import chromium, missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Opened = Callable[..., "Page"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if reason := missing():
        pytest.skip(reason)
    with chromium() as found:
        yield found


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:
    """`opened("plan 60", width=360, color_scheme="dark")`: the page, which must not ask for anything but itself."""
    contexts = []
    asked: list[str] = []
    complaints: list[str] = []

    def open_page(name: str, width: int = 1400, height: int = 900, *, is_quiet: bool = True, **how: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **how)
        contexts.append(context)
        path = tmp_path / f"{len(contexts)}.html"
        path.write_text(pages.page(name), encoding="utf-8")
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("requestfailed", lambda request: asked.remove(request.url) if request.failure == "csp" else None)
        if is_quiet:
            page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert all(url.startswith(tmp_path.as_uri()) for url in asked)
    assert not complaints
