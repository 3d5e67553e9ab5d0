"""A host's registry → which projects claim things of a kind there, by their identities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aivp_contract.values import Json

from aivp.hosts.refusals import refused
from aivp.hosts.session import HostSession, Refusal


def claims(session: HostSession, kind: str, identities: Sequence[Mapping[str, Json]]) -> list[list[str]]:
    """For each the projects, as PROJECT/ENVIRONMENT. Raises Refused."""
    try:
        answer = session.request("claims", {"kind": kind, "identities": [dict(item) for item in identities]})
    except Refusal as refusal:
        raise refused(refusal) from None
    try:
        found = [
            [f"{str(one['project'])[:80]}/{str(one['environment'])[:80]}" for one in item] for item in answer["claims"]
        ]
    except (KeyError, TypeError):
        found = []
    if len(found) != len(identities):
        raise session.hostile("its answer to claims is not of the protocol")
    return found


def folder(session: HostSession) -> str:
    """Where the runner keeps what is ours there; empty where there is no such place. Raises Refused."""
    try:
        answer = session.request("health", {})
        return str(answer["folder"])[:400]
    except Refusal as refusal:
        raise refused(refusal) from None
    except (KeyError, TypeError):
        raise session.hostile("its answer to health is not of the protocol") from None
