"""The pictures in the docs are those of today's code: `python -m docs.pictures` makes them anew."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET

import pytest

from docs.pictures import FOLDER, MOST_BYTES, drawings

DRAWINGS = dict(drawings())


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_up_to_date(name: str) -> None:
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        (FOLDER / name).write_text(DRAWINGS[name], encoding="utf-8")
    assert (FOLDER / name).read_text(encoding="utf-8") == DRAWINGS[name], "make it anew: python -m docs.pictures"


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_whole_and_asks_for_nothing(name: str) -> None:
    ET.fromstring(DRAWINGS[name])
    assert not re.search(r"(src|href)=[\"']?http|url\((?!#)|@import|@font-face|<script|<image", DRAWINGS[name])


def test_no_picture_is_large() -> None:
    found = {path.name: path.stat().st_size for path in FOLDER.iterdir() if path.suffix in (".svg", ".png")}
    assert {name for name, size in found.items() if size > MOST_BYTES} == set()
    assert sum(name.endswith(".png") for name in found) == 12
    assert sum(found.values()) < 2_500_000
