"""Reports of hosts: what is of the protocol comes through, everything else is refused with a word on it."""

from __future__ import annotations

import pytest

from aivp.apply.answers import Outcome, read_journal, read_outcomes
from aivp.observe.audit import Broken

GOOD = {"step": "create:a", "status": "done", "action": "create", "outputs": {}}


def test_a_report_is_read() -> None:
    assert read_outcomes({"outcomes": [GOOD]}) == [("create:a", Outcome("done", "create", {}))]


@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        {},
        {"outcomes": {}},
        {"outcomes": [None]},
        {"outcomes": [{}]},
        {"outcomes": [{**GOOD, "step": 1}]},
        {"outcomes": [{**GOOD, "status": "splendid"}]},
        {"outcomes": [{**GOOD, "status": ["done"]}]},
        {"outcomes": [{**GOOD, "action": "explode"}]},
        {"outcomes": [{**GOOD, "error": [1]}]},
        {"outcomes": [{**GOOD, "error": {"class": 1}}]},
    ],
)
def test_a_report_that_is_none(params: object) -> None:
    with pytest.raises(Broken):
        read_outcomes(params)


@pytest.mark.parametrize("entries", [[None], [["a"]], [["a", 1]], [[1, "a"]], ["ab"]])
def test_a_journal_that_is_none(entries: list[object]) -> None:
    with pytest.raises(Broken):
        read_journal(entries)
