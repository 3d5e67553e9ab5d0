"""A host's outcome → what state keeps of it: the record of the step, and the rows of the things it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aivp_contract import diff
from aivp_contract.manifest import Kind
from aivp_contract.values import Json

from aivp.apply.answers import Outcome
from aivp.model import taint
from aivp.model.object import Object, Provenance
from aivp.observe.audit import Broken, audit_outputs
from aivp.plan.identity import is_same
from aivp.plan.steps import HostPlan, Step
from aivp.state import StepRecord


@dataclass(frozen=True, slots=True)
class Rows:
    """What one outcome changes: a row to put, or None; (address, is_deposed) of rows that end.

    deposed: the object that stays until a later step ends it, though `put` has its place now.
    """

    put: Object | None = None
    deposed: Object | None = None
    gone: tuple[tuple[str, bool], ...] = ()


def settle(
    step: Step,
    outcome: Outcome,
    config: Mapping[str, Json],
    row: Object | None,
    host: HostPlan,
    kind: Kind | None,
    now: str,
) -> tuple[StepRecord, Rows]:
    """What is recorded of one outcome. An effect whose outputs break the contract is there all the same."""
    status, error = outcome.status, outcome.error
    outputs: Mapping[str, Json] = {}
    is_there = status == "done" or (kind is not None and _has_come(outcome, kind))
    if is_there and kind is not None:
        try:
            outputs = audit_outputs(kind, outcome.outputs)
        except Broken as broken:
            why = f"The provider {kind.provider} broke its contract for {step.address}: {broken}."
            status, error = "failed", {"class": "bug", "message": why}
            outputs = kind.assigned_ids(outcome.outputs if isinstance(outcome.outputs, dict) else {})
    record = StepRecord(step.id, status, outcome.action, error, now)
    if not is_there:
        return record, Rows()
    return record, rows(step, outcome.action, outputs, config, row, host, kind)


def rows(
    step: Step,
    action: str,
    outputs: Mapping[str, Json],
    config: Mapping[str, Json],
    row: Object | None,
    host: HostPlan,
    kind: Kind | None,
) -> Rows:
    """The rows after `step` was done. `action`: what really was done; `config`: what was applied, secrets by origin."""
    match step.action:
        case "delete" | "forget":
            return Rows(gone=((step.address, step.is_of_deposed),))
        case "move":
            assert row is not None
            assert step.previous is not None
            moved = replace(row, address=step.address, edges=list(step.edges), registered="")
            return Rows(moved, gone=() if row.address == step.address else ((step.previous, False),))
        case "refresh":
            return Rows(None if row is None else replace(row, outputs={**row.outputs, **outputs}))
        case _:
            pass
    if action == "no-op" and row is None and (step.action == "no-op" or diff.declares_absence(config)):
        return Rows()
    version = 1 if kind is None else kind.schema_version
    found = identity(step, config, row, kind)
    ids = {} if kind is None else kind.assigned_ids(found)
    if action == "create" and kind is not None:
        ids = kind.assigned_ids(outputs)  # never the id of the thing whose place it takes
    if kind is not None and len(ids) < len(kind.assigned):
        return Rows()  # nobody could ever look at it again
    old = replace(row, is_deposed=True) if row is not None and comes_before(step, kind) else None
    return Rows(
        deposed=old,
        put=Object(
            address=step.address,
            kind=step.kind,
            host=step.host,
            identity={**found, **ids},
            provenance=provenance(step, action, row, kind),
            attributes=config,
            outputs={**({} if row is None or action == "create" else row.outputs), **ids, **outputs},
            schema_version=version,
            lifecycle=step.lifecycle,
            edges=list(step.edges),
            incarnation=host.incarnation,
            connection=host.host.form(),
            tainted=taint.fields(config, () if row is None else row.tainted),
        ),
    )


def comes_before(step: Step, kind: Kind | None) -> bool:
    """True for the create of what takes the place of an object that is ended later."""
    is_new = step.action == "create" and kind is not None and not kind.assigned_ids(step.identity)
    return is_new and step.lifecycle.create_before_destroy


def identity(step: Step, config: Mapping[str, Json], row: Object | None, kind: Kind | None) -> dict[str, Json]:
    """Which real thing the step is about: as it is declared once its inputs are known (`config`), and where the
    provider assigns ids, the one that state knows by now.
    """
    if step.action in ("delete", "forget", "move") or kind is None:
        return dict(step.identity)
    found = {**step.identity, **kind.declared_identity(kind.identity_of(config))}
    return {**found, **row.identity} if row is not None and kind.assigned and is_same(kind, row, found) else found


def _has_come(outcome: Outcome, kind: Kind) -> bool:
    """True for what was made and yet failed, such as a thing that is not as it was declared: who forgot it would make a
    second one where it has an id of its own, and elsewhere take it for somebody else's.
    """
    if outcome.status != "failed" or outcome.action != "create" or not isinstance(outcome.outputs, dict):
        return False
    return bool(kind.assigned_ids(outcome.outputs)) if kind.assigned else outcome.is_made


def provenance(step: Step, action: str, row: Object | None, kind: Kind | None) -> Provenance:
    """Only what a run itself brought into being counts as created: it alone may ever be deleted unasked.

    What gets a new id is a new thing, whatever stood at its address. Of a kind that nobody ever deletes, what was not
    there when the plan was made is created, though another step of the plan may have brought it: a package its service,
    whose running and starting is what the plan is about.
    """
    if row is not None and not (action == "create" and kind is not None and kind.assigned):
        return row.provenance
    if action == "create":
        return "created"
    if step.action == "create" and kind is not None and not kind.deletable:
        return "created"
    return "adopted" if step.action == "create" or step.provenance == "adopted" else "created"
