"""Every code that the product can say has a summary, and every summary a code that is said."""

from __future__ import annotations

import re
from pathlib import Path

from aivp.diagnostics import catalogue

SOURCES = Path(catalogue.__file__).parents[1]


def said() -> set[str]:
    files = (path for path in SOURCES.rglob("*.py") if path.name != "catalogue.py")
    return {code for path in files for code in re.findall(r"AIVP\d{4}", path.read_text())}


def test_every_code_has_a_summary() -> None:
    assert sorted(said() - set(catalogue.SUMMARIES)) == []


def test_no_summary_without_a_code() -> None:
    assert sorted(set(catalogue.SUMMARIES) - said()) == []


def test_codes_stand_in_order() -> None:
    assert list(catalogue.SUMMARIES) == sorted(catalogue.SUMMARIES)


def test_the_page_is_made_of_the_catalogue() -> None:
    """`python -m tests.diagnostics --docs` writes it."""
    from tests.diagnostics.__main__ import PAGE, page

    assert PAGE.read_text(encoding="utf-8") == page()
