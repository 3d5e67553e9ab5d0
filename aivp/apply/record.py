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
from aivp.plan.steps import HostPlan, Step
from aivp.state import StepRecord


@dataclass(frozen=True, slots=True)
class Rows:
    """What one outcome changes: a row to put, or None; (address, is_deposed) of rows that end."""

    put: Object | None = None
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
    if status == "done" and kind is not None:
        try:
            outputs = audit_outputs(kind, outcome.outputs)
        except Broken as broken:
            why = f"The provider {kind.provider} broke its contract for {step.address}: {broken}."
            status, error = "failed", {"class": "bug", "message": why}
    record = StepRecord(step.id, status, outcome.action, error, now)
    if outcome.status != "done":
        return record, Rows()
    return record, rows(step, outcome.action, outputs, config, row, host)


def rows(
    step: Step, action: str, outputs: Mapping[str, Json], config: Mapping[str, Json], row: Object | None, host: HostPlan
) -> Rows:
    """The rows after `step` was done. `action`: what really was done; `config`: what was applied, secrets by origin."""
    match step.action:
        case "delete" | "forget":
            return Rows(gone=((step.address, step.id.endswith("#deposed")),))
        case "move":
            assert row is not None
            assert step.previous is not None
            return Rows(replace(row, address=step.address, edges=list(step.edges)), ((step.previous, False),))
        case "refresh":
            return Rows(None if row is None else replace(row, outputs={**row.outputs, **outputs}))
        case _:
            pass
    if action == "no-op" and row is None and (step.action == "no-op" or diff.declares_absence(config)):
        return Rows()
    return Rows(
        Object(
            address=step.address,
            kind=step.kind,
            host=step.host,
            identity=step.identity,
            provenance=_provenance(step, action, row),
            attributes=config,
            outputs={**({} if row is None else row.outputs), **outputs},
            lifecycle=step.lifecycle,
            edges=list(step.edges),
            incarnation=host.incarnation,
            connection=host.host.form(),
            tainted=_tainted(config, row),
        )
    )


def _tainted(config: Mapping[str, Json], row: Object | None) -> list[str]:
    """A field that once held a secret stays tainted: not all of the old value need be gone."""
    return sorted({*taint.fields(config), *(() if row is None else row.tainted)})


def _provenance(step: Step, action: str, row: Object | None) -> Provenance:
    """Only what a run itself brought into being counts as created: it alone may ever be deleted unasked."""
    if row is not None:
        return row.provenance
    if action == "create":
        return "created"
    return "adopted" if step.action == "create" or step.provenance == "adopted" else "created"
