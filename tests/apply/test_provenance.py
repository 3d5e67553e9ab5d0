"""Whether a thing counts as created or adopted, by what was planned and what was really done."""

from __future__ import annotations

import pytest
from aivp_contract.manifest import Kind, read_manifest

from aivp.apply.progress import Progress
from aivp.apply.record import provenance
from aivp.apply.wire import message
from aivp.model.object import Object
from aivp.plan.steps import Step

_SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}
KINDS = read_manifest(
    {
        "manifest": 1,
        "name": "test",
        "version": "1",
        "kinds": {
            "thing": {"schema": _SCHEMA, "identity": ["name"]},
            "service": {"schema": _SCHEMA, "identity": ["name"], "deletable": False},
        },
    }
).kinds


def step(action: str, kind: str, planned: str = "created", name: str = "a") -> Step:
    identity = {"name": name}
    return Step(
        f"{action}:{kind}.a@lab", f"{kind}.a@lab", kind, "lab", action, "", "change", identity, identity,
        provenance=planned,
    )  # type: ignore[arg-type]  # fmt: skip


def row(name: str, provenance: str) -> Object:
    identity = {"name": name}
    return Object("thing.a@lab", "thing", "lab", identity, provenance, identity)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("planned", "kind", "done", "expected"),
    [
        (step("create", "thing"), "thing", "create", "created"),
        (step("create", "thing"), "thing", "update", "adopted"),
        (step("update", "thing", "adopted"), "thing", "update", "adopted"),
        (step("update", "thing", "adopted"), "thing", "create", "created"),
        (step("create", "service"), "service", "update", "created"),
        (step("create", "service"), "service", "no-op", "created"),
        (step("adopt", "service", "adopted"), "service", "adopt", "adopted"),
        (step("create", "vanished"), "vanished", "update", "adopted"),
    ],
)
def test_provenance(planned: Step, kind: str, done: str, expected: str) -> None:
    found: Kind | None = KINDS.get(kind)
    assert provenance(planned, done, None, found) == expected


def test_the_host_hears_nothing_of_another_thing_under_the_same_address() -> None:
    planned = step("update", "thing", "adopted", name="b")
    progress = Progress({planned.id: planned}, {"thing.a@lab": row("a", "created")}, {})
    sent = message(planned, planned.config, progress, KINDS)
    assert (sent["claim"]["found"], sent.get("prior")) == ("adopted", None)
    progress.rows["thing.a@lab"] = row("b", "created")
    sent = message(planned, planned.config, progress, KINDS)
    assert (sent["claim"]["found"], sent["prior"]) == ("created", {"name": "b"})
