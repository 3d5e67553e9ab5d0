"""A slice of the matrix by both ways on one release; under `make test-all` all of it on each."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from aivp_host import __file__ as provider

from tests import lab
from tests.lab.places import places
from tests.matrix.__main__ import DOCS
from tests.matrix.case import WORLDS
from tests.matrix.measure import CASES, disparities, measure, missing
from tests.matrix.place import WAYS

IS_FULL = os.environ.get("AIVP_TEST_ALL") == "1"
SLICE = {
    ("command", "unless"),
    ("file", "content"),
    ("file", "purge"),
    ("group", "members"),
    ("package", "present"),
    ("service", "up"),
    ("user", "account"),
}
CHOSEN = [case for case in CASES if IS_FULL or (case.kind, case.form) in SLICE]

_SUITES = [suite if suite == lab.DEFAULT_SUITE else pytest.param(suite, marks=pytest.mark.slow) for suite in lab.SUITES]


@pytest.mark.lab
@pytest.mark.parametrize("suite", _SUITES)
def test_the_matrix_holds_and_both_ways_are_alike(suite: str, tmp_path: Path) -> None:
    reason = missing([suite])
    if reason is not None:
        pytest.skip(reason)
    results = measure(suite, WAYS, tmp_path.resolve(), places(os.environ), CHOSEN)
    for result in results:
        assert result.told == [], f"{suite}, {result.way}"
    assert disparities(*results) == []
    assert all(len(result.steps) >= len(CHOSEN) // 2 for result in results), "hardly anything was planned"


def test_every_kind_meets_every_world() -> None:
    manifest = json.loads(Path(provider).with_name("manifest.json").read_text(encoding="utf-8"))
    kinds = set(manifest["kinds"])
    met = {(case.kind, case.world) for case in CASES}
    assert {kind for kind, _ in met} >= kinds - {"noop"}
    assert met == {(kind, world) for kind, _ in met for world in WORLDS}
    assert len({case.address for case in CASES}) == len(CASES)


def test_the_page_has_every_form_and_is_whole() -> None:
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    forms = dict.fromkeys((case.kind, case.form) for case in CASES)
    assert [tuple(row.split(" | ")[:2]) for row in rows] == [(f"| `{kind}`", form) for kind, form in forms]
    cells = re.findall(r"(\d+)/(\d+)", "\n".join(rows))
    assert len(cells) == len(CASES)
    assert set(cells) == {("6", "6")}
