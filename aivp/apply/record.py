"""A host's outcome → the rows that state keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aivp.model.object import Object, Provenance
from aivp.plan.steps import HostPlan, Step
from aivp_contract import diff
from aivp_contract.values import Json


@dataclass(frozen=True, slots=True)
class Rows:
    """What one outcome changes: a row to put, or None; (address, is_deposed) of rows that end."""

    put: Object | None = None
    gone: tuple[tuple[str, bool], ...] = ()


def rows(
    step: Step, action: str, outputs: Mapping[str, Json], config: Mapping[str, Json], row: Object | None, host: HostPlan
) -> Rows:
    """The rows after `step` was done. `action`: what really was done; `config`: what was applied, secrets by origin."""
    match step.action:
        case "delete" | "forget":
            return Rows(gone=((step.address, step.id.endswith("#deposed")),))
        case "move":
            assert row is not None and step.previous is not None
            return Rows(replace(row, address=step.address, edges=list(step.edges)), ((step.previous, False),))
        case "refresh":
            return Rows(None if row is None else replace(row, outputs={**row.outputs, **outputs}))
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
        )
    )


def _provenance(step: Step, action: str, row: Object | None) -> Provenance:
    """Only what a run itself brought into being counts as created: it alone may ever be deleted unasked."""
    if row is not None:
        return row.provenance
    if action == "create":
        return "created"
    return "adopted" if step.action == "create" else step.provenance
