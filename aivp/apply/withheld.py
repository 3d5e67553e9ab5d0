"""Steps that no host is asked about, since their provider cannot work there → the error that each of them has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aivp_contract.values import Json

from aivp.apply.answers import BEGUN
from aivp.diagnostics.diagnostic import refusal
from aivp.plan.steps import Step

Errors = Mapping[str, Mapping[str, Json]]


def withheld(
    steps: Sequence[Step],
    unequipped: Mapping[tuple[str, str], Mapping[str, Json]],
    outdated: Errors,
    journal: Mapping[str, str],
) -> Errors:
    """By step id. unequipped: by host and kind; outdated: by address of a row that has no form of today.

    A step that its host's journal knows as begun waits until its provider can go on. Raises Refused.
    """
    found: dict[str, Mapping[str, Json]] = {}
    for step in steps:
        error = (
            unequipped.get((step.host, step.kind)) or outdated.get(step.address) or outdated.get(step.previous or "")
        )
        if error is None:
            continue
        if journal.get(step.id) in BEGUN:
            why = f"{step.address} was begun, and its provider cannot go on: {error['message']}."
            raise refusal("AIVP0610", why, "Mend the provider, then: aivp apply --resume.")
        found[step.id] = error
    return found
