"""The effect must equal what was promised: bad providers are named, with the field; what they made is not forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aivp_runner.hosting import Hosting
from aivp_runner.lane import Lane
from aivp_runner.store import HostStore
from aivp_sdk.process import Session

from tests.runner import promising

OWNER = ("project", "main", "lineage")
MODULE = "tests.runner.promising"


class Host:
    """A host store and the promising provider, without a process between."""

    def __init__(self, folder: Path) -> None:
        self.store = HostStore.open(folder / "host.db")
        self.store.begin("run", OWNER, "plan")

    def execute(self, *steps: dict[str, Any]) -> list[dict[str, Any]]:
        reports: list[dict[str, Any]] = []
        hosting = Hosting({"promising": MODULE, "numbered": MODULE}, Session(None))
        Lane(hosting, self.store, "run", OWNER, reports.append).execute(steps)
        return [outcome for report in reports for outcome in report["outcomes"]]

    def claims(self) -> list[tuple[str, Any]]:
        return [(claim["address"], claim["identity"]) for claim in self.store.registry(*OWNER[:2])]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    promising.THINGS.clear()
    promising.CREATED.clear()
    return Host(tmp_path)


def create(kind: str, name: str, **config: Any) -> dict[str, Any]:
    address = f"{kind}.{name}@here"
    identity = {"name": name} if kind == "promising" else {}
    return {
        "id": f"create:{address}",
        "address": address,
        "kind": kind,
        "action": "create",
        "config": {**identity, **config},
        "identity": identity,
        "expected": None,
        "conditional": True,
        "bounds": ["how", "name", "text"],
        "claim": {"created": "created", "found": "adopted", "lifecycle": {}, "edges": []},
    }


def test_a_word_that_is_kept(host: Host) -> None:
    (outcome,) = host.execute(create("promising", "a", text="hello"))
    assert (outcome["status"], outcome["outputs"]) == ("done", {"size": 5, "place": "there"})


@pytest.mark.parametrize(
    ("how", "field", "what"),
    [
        ("size", "size", "size was promised as 5 and is 6"),
        ("unknown", "place", "place is still unknown after the effect"),
        ("gone", "place", "place was promised, and is not there"),
        ("outputs", "place", "place is told as elsewhere and seen as there"),
        ("two voices", "size", "size is told as 5 and seen as 6"),
        ("normalised", "text", "text is not as it was promised before the effect"),
    ],
)
def test_a_word_that_is_broken(host: Host, how: str, field: str, what: str) -> None:
    (outcome,) = host.execute(create("promising", "a", text="hello", how=how))
    assert outcome["status"] == "failed"
    assert outcome["error"] == {
        "class": "unfulfilled",
        "message": f"the provider promising broke its word: {what}",
        "path": f"/{field}",
    }
    assert outcome["made"] is True
    assert host.claims() == [("promising.a@here", {"name": "a"})], "or the next plan takes it for somebody else's"


def test_an_id_that_was_not_assigned(host: Host) -> None:
    (outcome,) = host.execute(create("numbered", "a", how="no number"))
    message = "the provider promising broke its word: number was not assigned: its outputs do not hold it"
    assert (outcome["status"], outcome["error"]["message"]) == ("failed", message)
    assert ("outputs" in outcome, host.claims()) == (False, [])


def test_a_number_for_each(host: Host) -> None:
    """A batch is no reason to share a key: each thing answers under its own."""
    outcomes = host.execute(create("numbered", "a", text="x"), create("numbered", "b", text="x"))
    assert [item["outputs"] for item in outcomes] == [{"number": 1}, {"number": 2}]
    assert host.claims() == [("numbered.a@here", {"number": 1}), ("numbered.b@here", {"number": 2})]
    again = host.execute(create("numbered", "b", text="x"))
    assert [item["outputs"] for item in again] == [{"number": 2}], "its report was lost, and it is asked for again"


def test_what_is_not_as_declared_is_known_all_the_same(host: Host) -> None:
    (outcome,) = host.execute(create("numbered", "a", text="x", how="wrong"))
    message = "the provider promising broke its word: text is not as declared after the effect"
    assert (outcome["status"], outcome["error"]["message"]) == ("failed", message)
    assert (outcome["outputs"], host.claims()) == ({"number": 1}, [("numbered.a@here", {"number": 1})])


def test_what_takes_the_place_of_a_vanished_thing_gets_a_new_claim(host: Host) -> None:
    promising.CREATED.append("of an earlier run")
    step = {**create("numbered", "a", text="x"), "identity": {"number": 1}}
    (outcome,) = host.execute(step)
    assert (outcome["outputs"], host.claims()) == ({"number": 2}, [("numbered.a@here", {"number": 2})])
