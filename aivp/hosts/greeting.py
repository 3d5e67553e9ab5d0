"""The first question to a runner: who the host is, and what it remembers of this project's environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aivp_contract.values import Json

from aivp.hosts.session import HostSession
from aivp.model.address import CONTROLLER


@dataclass(frozen=True, slots=True)
class Owner:
    """On whose behalf a host is asked. `lineage` is None where there is no state yet."""

    project: str
    environment: str
    lineage: str | None


@dataclass(frozen=True, slots=True)
class Greeting:
    """`pending`: addresses with a notification that waits; `lineages`: states that have claims there.

    `incarnation` is empty for the controller: what is served there lives behind an API, and any machine may go on.
    """

    incarnation: str
    facts: Mapping[str, Json]
    pending: Sequence[str]
    lineages: Sequence[str]
    trouble: str = ""
    """Why it cannot keep a journal: no-state, read-only or full."""


def greet(session: HostSession, owner: Owner, kinds: Mapping[str, str]) -> Greeting:
    """Ask. `kinds`: kind → module that serves it. Raises Refusal, or Refused for an answer that is none."""
    who = {"project": owner.project, "environment": owner.environment, "lineage": owner.lineage}
    answer = session.request("hello", {**who, "kinds": dict(kinds)})
    try:
        facts = dict(answer["facts"])
        incarnation = "" if session.host.name == CONTROLLER else str(answer["incarnation"])[:64]
        return Greeting(
            incarnation, facts, _texts(answer["pending"]), _texts(answer["lineages"]), str(answer["trouble"])[:32]
        )
    except (KeyError, TypeError, ValueError):
        raise session.hostile("its greeting is not of the protocol") from None


def _texts(value: Json) -> list[str]:
    if not isinstance(value, list) or any(type(item) is not str for item in value):
        raise TypeError("not a list of texts")
    return value
