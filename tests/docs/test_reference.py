"""What is made from code in the documents is as the code is; AIVP_UPDATE_GOLDEN=1 or `make docs-update` writes it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from docs.site import markdown
from docs.site.commands import ENVIRONMENT
from docs.site.reference import generated
from tests.docs.pages import ROOT

PAGES = generated()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_generated_page_is_as_the_code_is(page: Path) -> None:
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        page.write_text(PAGES[page], encoding="utf-8")
    assert page.exists(), "make docs-update writes it"
    assert page.read_text(encoding="utf-8") == PAGES[page], "make docs-update writes it anew"


def test_every_variable_that_the_code_reads_is_described() -> None:
    code = [*(ROOT / "aivp").rglob("*.py"), *ROOT.glob("providers/*/aivp_*/**/*.py")]
    read = set()
    for path in code:
        read |= set(re.findall(r"[\"'](AIVP_[A-Z_]+)[\"'=]", path.read_text(encoding="utf-8")))
    assert {name.replace("AIVP_VAR_NAME", "AIVP_VAR_") for name in ENVIRONMENT} == read


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b <script>", "a\\|b &lt;script&gt;"),
        ("use `a|b` *now*", "use `a\\|b` \\*now\\*"),
        ("one ` alone", "one  alone"),
        ("two\nlines\t", "two lines"),
        ("[x](y)", "\\[x\\](y)"),
    ],
)
def test_text_of_code_shows_as_it_is(text: str, shown: str) -> None:
    assert markdown.plain(text) == shown
