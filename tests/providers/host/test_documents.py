"""What people read about a kind names every parameter that it takes."""

from __future__ import annotations

import json
from pathlib import Path

import aivp_host
import pytest

MANIFEST = json.loads((Path(aivp_host.__path__[0]) / "manifest.json").read_text("utf-8"))
PAGES = Path(__file__).parents[3] / "docs" / "reference" / "kinds"


@pytest.mark.parametrize("kind", sorted(MANIFEST["kinds"].keys() - {"noop"}))
def test_every_parameter_is_documented(kind: str) -> None:
    page = (PAGES / f"{kind}.md").read_text("utf-8")
    missing = [name for name in MANIFEST["kinds"][kind]["schema"]["properties"] if f"`{name}" not in page]
    assert missing == []
    assert "## Names that you may know" in page
