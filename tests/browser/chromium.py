"""The system's Chromium, without a window, driven over its own protocol. Its client brings no browser of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chromium-headless-shell")
WIDTHS = (360, 800, 1600)
SCHEMES = ("light", "dark")


@cache
def missing() -> str | None:
    """What keeps tests from a browser, as the sentence that a skipped one says; None where nothing does."""
    if _program() is None:
        return f"no Chromium is installed ({', '.join(NAMES)})"
    if importlib.util.find_spec("playwright") is None:
        return "the Python package playwright is not installed"
    return None


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that ends with the block. As root it has no sandbox, so it is for pages of ours alone."""
    from playwright.sync_api import sync_playwright

    arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as client:
        browser = client.chromium.launch(executable_path=_program(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def _program() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)
