"""What is said of one resource: values that views write as text or JSON. No value of a secret is ever among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aivp_contract.values import Json

from aivp.diagnostics import Span
from aivp.model.resource import EdgeType
from aivp.plan.steps import Step


@dataclass(frozen=True, slots=True)
class Cause:
    """Where a value comes from: `var.x`, its value, who says so (`environment prod`), where; and what that comes from.

    has_value: False where the value is not known here (a fact), or must not be told (a secret).
    """

    name: str
    value: Json = None
    has_value: bool = False
    origin: str = ""
    span: Span | None = None
    causes: Sequence[Cause] = ()


@dataclass(frozen=True, slots=True)
class FieldOrigin:
    """A field: what is written, where, who says it (`defaults`, `overrides of prod`; empty for the declaration)."""

    name: str
    written: Json
    span: Span | None
    origin: str = ""
    causes: Sequence[Cause] = ()


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another resource that must come before, or waits for, this one; and how the two hang together.

    fields: those of the one that waits whose values come from the other. is_direct: False where others stand between.
    """

    address: str
    types: Sequence[EdgeType]
    fields: Sequence[str] = ()
    is_direct: bool = True


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one address.

    span: where it is declared; None where nothing declares it. left_out: why it is not, although it is written.
    includes: why that file is read, from the root document on. existence: what made this instance of the declaration:
    key, host. when: a condition on facts that is still open. steps: what a plan does with it; has_plan: one was asked.
    takes_no_part: why that plan left it out. causing: names of `fields` that lead to what the steps change.
    """

    address: str
    span: Span | None
    left_out: str | None
    when: Json
    includes: Sequence[Span] = ()
    existence: Sequence[FieldOrigin] = ()
    fields: Sequence[FieldOrigin] = ()
    needs: Sequence[Neighbour] = ()
    dependents: Sequence[Neighbour] = ()
    steps: Sequence[Step] = ()
    has_plan: bool = False
    takes_no_part: str | None = None
    causing: Sequence[str] = ()
