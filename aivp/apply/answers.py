"""What hosts report during a run, held to the protocol before anyone acts on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from aivp_contract.values import Json

from aivp.observe.audit import Broken, audit_error
from aivp.plan.steps import Action

STATUSES = ("done", "failed", "blocked", "skipped", "stale")
"""How a step can end."""

LONGEST = 10**10
"""Milliseconds of a message: some months."""

BEGUN = frozenset({"intent", "done"})
"""Entries of a host's journal for which there may be an effect that nobody was told of."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step. `action`: what was really done; `outputs` are not audited yet. is_made: it failed, and
    what it was to create is there all the same.

    times: seconds since its host got the message: when it was taken up and, of an effect, its begin and its end.
    """

    status: str
    action: str
    outputs: Json = None
    error: Mapping[str, Json] | None = None
    times: Sequence[float] = ()
    is_made: bool = False


def read_outcomes(params: Json) -> list[tuple[str, Outcome]]:
    """(step id, outcome) of an `outcomes` notification. Raises Broken."""
    if not isinstance(params, dict) or not isinstance(params.get("outcomes"), list):
        raise Broken("a report without outcomes")
    return [_outcome(item) for item in params["outcomes"]]


def _outcome(item: Json) -> tuple[str, Outcome]:
    if not isinstance(item, dict) or type(item.get("step")) is not str:
        raise Broken("an outcome without its step")
    if item.get("status") not in STATUSES or item.get("action") not in get_args(Action):
        raise Broken("an outcome that is none")
    error = None if item.get("error") is None else audit_error(item["error"])
    return item["step"], Outcome(
        item["status"],
        item["action"],
        item.get("outputs", {}),
        error,
        _times(item.get("times")),
        item.get("made") is True,
    )


def _times(value: Json) -> Sequence[float]:
    """For people only: times that are none cost the times."""
    if not isinstance(value, list) or len(value) not in (1, 3) or any(type(item) is not int for item in value):
        return ()
    return [item / 1000 for item in value] if value[0] >= 0 and value == sorted(value) and value[-1] < LONGEST else ()


def read_journal(entries: Sequence[Json]) -> dict[str, str]:
    """Step id → status, of what `begin` brought. Raises Broken."""
    found: dict[str, str] = {}
    for entry in entries:
        if not isinstance(entry, list) or len(entry) != 2 or any(type(item) is not str for item in entry):
            raise Broken("a journal that is none")
        found[entry[0]] = entry[1]
    return found
