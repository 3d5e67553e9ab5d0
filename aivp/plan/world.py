"""What deciding reads beside a resource itself, and what it gathers: steps by address, reasons why there are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic, Diagnostics
from aivp.model.evidence import Evidence, Seen, blocks
from aivp.model.object import Object
from aivp.plan.bind import Kinds
from aivp.plan.steps import Step


@dataclass(frozen=True, slots=True)
class World:
    """Evidence, the manifests of kinds, and the object that each address stands for."""

    evidence: Evidence
    kinds: Kinds
    rows: Mapping[str, Object]
    edges: Mapping[str, Sequence[str]]
    """Address → the addresses that it needs, sorted."""
    imported: Mapping[str, Mapping[str, Json]]
    """Address → the identity that an import binds it to."""


@dataclass
class Decided:
    """Steps by address; what has nothing to do; what is left out or blocked, and why.

    Not applicable: parts of it are guesses.
    """

    steps: dict[str, list[Step]] = field(default_factory=dict)
    unchanged: set[str] = field(default_factory=set)
    left_out: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    is_applicable: bool = True

    def add(self, step: Step) -> None:
        """Append a step of its address."""
        self.steps.setdefault(step.address, []).append(step)


def why_unreached(world: World, name: str, decided: Decided) -> str | None:
    """An unreachable host blocks its own steps and orphans nothing."""
    host = world.evidence.hosts.get(name)
    if host is None:
        decided.is_applicable = False
        return f"the evidence does not hold {name}"
    if is_to_stand_still(world, name, decided):
        return f"{name} is not to run"
    if host.awaits and coming(name, decided) is None:
        return f"{name} does not run"
    return f"{name} cannot be reached" if host.error is not None else None


def coming(name: str, decided: Decided) -> Literal["new", "started"] | None:
    """What the plan does to the resource that the host `name` is: a new one comes, or it is started or changed."""
    actions = {step.action for step in decided.steps.get(name, ())}
    if "create" in actions:
        return "new"
    return "started" if actions & {"update", "refresh"} else None


def is_to_stand_still(world: World, name: str, decided: Decided) -> bool:
    """True where the plan touches the resource that the host `name` is, and its provider foresees no way in.

    Of one that is replaced, what is foreseen is that of the old one.
    """
    actions = {step.action for step in decided.steps.get(name, ())}
    seen = world.evidence.seen.get(name)
    if not actions & {"create", "update"} or "delete" in actions or seen is None or seen.observation is None:
        return False
    channel = world.kinds[decided.steps[name][0].kind].channel
    foreseen = seen.observation.computed
    return channel is not None and channel in foreseen and foreseen[channel] is None


def is_going(world: World, name: str, decided: Decided) -> bool:
    """True where the resource that the host `name` is ends, has gone, or another one takes its place."""
    ends = {step.action for step in decided.steps.get(name, ())} & {"delete", "forget"}
    has_gone = bool(ends) and name in world.evidence.hosts and bool(world.evidence.hosts[name].awaits)
    return coming(name, decided) == "new" or "delete" in ends or has_gone


def report(seen: Seen, address: str, kind: str, decided: Decided, diagnostics: Diagnostics) -> None:
    """Pass on what a provider said of a thing that it could not look at; a third party's blocks that thing alone."""
    if blocks(kind):
        decided.blocked[address] = f"the provider {kind.partition('/')[0]} cannot look at it"
    else:
        diagnostics.items.append(unseen(seen, address, "error"))


def unseen(seen: Seen, address: str, severity: Literal["error", "warning"]) -> Diagnostic:
    """Why a provider could not look at a thing, in its own words."""
    error = seen.error or {}
    code = "AIVP0611" if error.get("class") == "bug" else "AIVP0610"
    path = str(error.get("path") or "")
    why = f"{address}{path}: {error.get('message', 'no reason given')}."
    return Diagnostic(code, why, str(error.get("mend") or ""), address=address, pointer=path, severity=severity)
