"""What state holds, as values, and an object's row as text. Knows no database."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from aivp_contract import canonical
from aivp_contract.values import Json

from aivp.diagnostics.diagnostic import refusal
from aivp.model.expression import IR_TAGS
from aivp.model.object import Object, read_object
from aivp.model.oneoff import is_one_off


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One execution of a plan. `body` is the plan's bytes, empty in a list of runs; times are ISO 8601 in UTC."""

    run: str
    plan: str
    body: bytes
    status: str
    started: str
    ended: str | None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What became of one step of a run; `error` as the protocol carries it."""

    step: str
    status: str
    action: str
    error: Mapping[str, Json] | None
    ended: str


OPEN = ("open", "interrupted")
"""Statuses of runs that are still to be gone on with or abandoned."""


def new_lineage() -> str:
    """The random id of a state that has no past."""
    return secrets.token_hex(16)


def refuse_open(record: RunRecord | None) -> None:
    """An open run blocks every new one. Raises Refused."""
    if record is not None:
        settle = "settle it: aivp runs abandon."
        is_plan = not is_one_off(record.plan)
        raise refusal(
            "AIVP0508",
            f"The run {record.run} of {record.started} is not finished.",
            f"Go on with it: aivp apply --resume. Or {settle}" if is_plan else settle.capitalize(),
        )


def encoded(item: Object) -> tuple[str, int, str, str]:
    """The row of an object: address, deposed, a fresh object id, body."""
    return item.address, int(item.is_deposed), secrets.token_hex(8), canonical.encode(item.form()).decode()


def decoded(body: str) -> Object:
    """The object of a row's body. Raises ValueError."""
    return read_object(canonical.decode(body.encode(), IR_TAGS))
