"""Holds a host's answers to the manifest: nothing undeclared, nothing unbounded, nothing that is no JSON of ours."""

from __future__ import annotations

from collections.abc import Mapping

from aivp_contract import canonical
from aivp_contract.manifest import Kind
from aivp_contract.observation import Observation, read_observation
from aivp_contract.values import Json, Secret, Unknown, contains

from aivp.model.evidence import Seen


class Broken(Exception):
    """The answer breaks the contract; the message says where."""


def audit(kind: Kind, asked: str, answer: Json) -> Seen:
    """One answer of an `observe` request as a value. Raises Broken."""
    if not isinstance(answer, dict):
        raise Broken("an answer that is no object")
    claims = answer.get("claims", [])
    if "error" in answer:
        return Seen(asked, error=audit_error(answer["error"]))
    try:
        observation = read_observation(answer["observation"])
        for name in ("observed", "normalised", "computed"):
            _audit_fields(kind, name, getattr(observation, name))
        return Seen(asked, observation, claims=[_audit_claim(claim) for claim in claims])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Broken(str(error)) from None


def audit_error(error: Json) -> dict[str, Json]:
    """A provider's error with its members bounded. Raises Broken where it has no class or message."""
    if not isinstance(error, dict):
        raise Broken("an error that is no object")
    found: dict[str, Json] = {}
    for name in ("class", "message"):
        if type(error.get(name)) is not str:
            raise Broken(f"an error without {name}")
        found[name] = error[name][:4000]
    for name in ("path", "mend"):
        if type(error.get(name)) is str:
            found[name] = error[name][:1000]
    if type(error.get("delay_ms")) is int:
        found["delay_ms"] = error["delay_ms"]
    return found


def audit_outputs(kind: Kind, outputs: Json) -> Mapping[str, Json]:
    """The outputs of an apply: computed fields only. Raises Broken."""
    if not isinstance(outputs, dict):
        raise Broken("outputs that are no object")
    _audit_fields(kind, "outputs", outputs)
    strangers = sorted(set(outputs) - kind.computed)
    if strangers:
        raise Broken(f"outputs holds {strangers[0]}, which is not computed")
    unknown = sorted(name for name, value in outputs.items() if contains(value, (Unknown,)))
    if unknown:
        raise Broken(f"outputs leaves {unknown[0]} unknown")
    return outputs


def _audit_fields(kind: Kind, member: str, fields: Mapping[str, Json] | None) -> None:
    if fields is None:
        return
    strangers = sorted(set(fields) - set(kind.fields))
    if strangers:
        raise ValueError(f"{member} holds {strangers[0]}, which {kind.name} does not have")
    canonical.admit(dict(fields), f"/{member}")
    if contains(dict(fields), (Secret,)) and member != "normalised":
        raise ValueError(f"{member} holds a secret")


def _audit_claim(claim: Json) -> Mapping[str, Json]:
    return {name: str(claim[name])[:200] for name in ("project", "environment", "address")}


__all__ = ["Broken", "Observation", "audit", "audit_error", "audit_outputs"]
