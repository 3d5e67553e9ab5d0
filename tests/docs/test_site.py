"""The site as built: strictly, with search, and with nothing in a page that would be fetched from a network."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

_FETCHED = re.compile(
    r"<(?:script|link|img|iframe|source|video|audio|object|embed|use)\b[^>]*?"
    r"\b(?:src|href|data|srcset)=[\"']?\s*(?:https?:)?//[^>]*>",
    re.IGNORECASE,
)
_IN_STYLES = re.compile(r"@import|url\(\s*[\"']?\s*(?:https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if any(importlib.util.find_spec(name) is None for name in ("sphinx", "furo", "myst_parser")):
        pytest.skip("Sphinx, furo and myst-parser are not installed: make docs installs them")
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-E", "-b", "html", "-c", "docs/site"]
    done = subprocess.run(
        [*build, "-d", str(folder / "cache"), ".", str(folder / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "site"


def test_no_page_fetches_anything(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 60
    found = [f"{page.name}: {match[0]}" for page in pages for match in _FETCHED.finditer(page.read_text("utf-8"))]
    styles = [path for path in site.rglob("*.css") if _IN_STYLES.search(path.read_text("utf-8"))]
    assert not found
    assert not styles


def test_what_is_searched_is_there_without_a_server(site: Path) -> None:
    index = (site / "searchindex.js").read_text("utf-8")
    assert index.startswith("Search.setIndex(")
    for word in ("journal", "drift", "for_each"):
        assert word in index


def test_every_kind_of_page_is_there_and_leads_on(site: Path) -> None:
    start = (site / "docs/index.html").read_text("utf-8")
    for page in (
        "tutorial/01-first-change",
        "guides/adopt",
        "reference/commands",
        "explanation/security",
        "adr/README",
    ):
        assert f'href="{page}.html"' in start
        assert (site / f"docs/{page}.html").is_file()
    assert 'url=docs/index.html"' in (site / "index.html").read_text("utf-8")


def test_links_lead_to_pages_and_pictures_of_the_site(site: Path) -> None:
    for page in site.rglob("*.html"):
        for target in re.findall(r"(?:href|src)=\"([^\"#?]+)", page.read_text("utf-8")):
            if not re.match(r"[a-z]+:", target):
                assert (page.parent / target).exists(), f"{page.relative_to(site)}: {target}"
