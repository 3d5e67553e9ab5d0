"""The values of a plan: steps with their reasons, and the sealed whole. Views and apply walk the same list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from aivp_contract import canonical
from aivp_contract.values import Json

from aivp.model.expression import IR_TAGS
from aivp.model.forms import ANY, CONNECTION, LIFECYCLE, META, SECRET, Form, Map, check
from aivp.model.resource import Host, Lifecycle, Meta, SecretSource, read_lifecycle
from aivp.model.rollout import FORM as ROLLOUT
from aivp.model.rollout import Rollout, read_rollout
from aivp.plan.feasible import are_feasible

PLAN_VERSION = 1

Action = Literal["create", "update", "replace", "delete", "adopt", "move", "forget", "refresh", "no-op"]
Severity = Literal["none", "change", "disrupt", "destroy"]
Cause = Literal["intent", "drift"]

GONE = "it drifted: gone since it was last applied"
"""The reason to create what was there."""

DEPOSED: Final = "#deposed"
"""Ends the id of a step that ends what another object has taken the place of: both have one address."""

SEVERITIES: tuple[Severity, ...] = ("destroy", "disrupt", "change", "none")
"""The most severe first."""


@dataclass(frozen=True, slots=True)
class StepChange:
    """One field's difference and why it is there: the declaration changed (intent) or the world did (drift)."""

    op: str
    path: str
    before: Json
    after: Json
    cause: Cause

    def form(self) -> dict[str, Json]:
        """As JSON: `add` has no `before`, `remove` no `after`."""
        found: dict[str, Json] = {"op": self.op, "path": self.path, "cause": self.cause}
        if self.op != "add":
            found["before"] = self.before
        if self.op != "remove":
            found["after"] = self.after
        return found


@dataclass(frozen=True, slots=True)
class Step:
    """One action on one resource.

    id: `action:address`, unique in its plan and equal in identical plans.
    config: the bound attributes that are applied (for delete: those last applied); may hold unknown expressions.
    expected: digest of the managed fields as observed; apply refuses anything else. None where nothing was observed.
    is_conditional: observed again just before its effect, since an earlier step may disturb it; `bounds` are then the
    fields that it may touch. is_deferred: its inputs, or its host's state, are known only during apply.
    waits_for: ids of steps; notifies: addresses whose refresh it raises; batch: number within its host's lane.
    previous: the address that a move comes from.
    """

    id: str
    address: str
    kind: str
    host: str
    action: Action
    reason: str
    severity: Severity
    config: Mapping[str, Json]
    identity: Mapping[str, Json]
    changes: Sequence[StepChange] = ()
    expected: str | None = None
    is_conditional: bool = False
    is_deferred: bool = False
    bounds: Sequence[str] = ()
    waits_for: Sequence[str] = ()
    notifies: Sequence[str] = ()
    batch: int = 0
    previous: str | None = None
    provenance: str = "created"
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    meta: Meta = field(default_factory=Meta)
    edges: Sequence[str] = ()

    @property
    def is_of_deposed(self) -> bool:
        """True where it ends what another object has taken the place of."""
        return self.id.endswith(DEPOSED)

    @property
    def is_drift(self) -> bool:
        """True where the world changed behind our back, whatever the declaration did meanwhile."""
        return self.reason == GONE or any(change.cause == "drift" for change in self.changes)

    def form(self) -> dict[str, Json]:
        """As JSON; members at their default are left out."""
        found: dict[str, Json] = {name: getattr(self, name) for name in _ALWAYS}
        found["config"], found["identity"] = dict(self.config), dict(self.identity)
        if self.changes:
            found["changes"] = [change.form() for change in self.changes]
        for name in ("bounds", "waits_for", "notifies", "edges"):
            if value := getattr(self, name):
                found[name] = list(value)
        for name in ("expected", "is_conditional", "is_deferred", "previous"):
            if value := getattr(self, name):
                found[name] = value
        for name in ("lifecycle", "meta"):
            if value := getattr(self, name).form():
                found[name] = value
        return found


_ALWAYS = ("id", "address", "kind", "host", "action", "reason", "severity", "batch", "provenance")


@dataclass(frozen=True, slots=True)
class HostPlan:
    """A host as the plan reaches it: connection, incarnation seen, and its lane of step ids in order."""

    host: Host
    incarnation: str
    lane: Sequence[str] = ()

    def form(self) -> dict[str, Json]:
        """As JSON, with the name as its key outside."""
        return {**self.host.form(), "incarnation": self.incarnation, "lane": list(self.lane)}


@dataclass(frozen=True, slots=True)
class Plan:
    """A closed, reviewable artifact: the same inputs give the same bytes. `schemas/plan/v1` describes its JSON.

    pins: digests of `ir`, `evidence` (what was read of it), `objects` (state rows), `runner` (archive with provider
    code) and `manifests` (by provider). left_out: address → why a `--target` or `--exclude` left it out.
    blocked: address → why nothing could be planned for it, such as a host that cannot be reached.
    providers: provider of any step → what it is started with; secrets by their origin.
    blobs: SHA-256 of content that steps take → the files of the project that held it; only the digest counts.
    is_applicable: False where some part of the evidence was too old to tell.
    rollouts: groups whose hosts are worked on in rounds; all of these hosts have steps.
    """

    project: str
    environment: str
    pins: Mapping[str, Json]
    hosts: Mapping[str, HostPlan]
    steps: Sequence[Step]
    unchanged: int
    left_out: Mapping[str, str] = field(default_factory=dict)
    blocked: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, SecretSource] = field(default_factory=dict)
    providers: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    blobs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_applicable: bool = True
    notes: Sequence[str] = ()
    rollouts: Sequence[Rollout] = ()

    @property
    def is_empty(self) -> bool:
        """True where there is nothing to do."""
        return not self.steps

    def form(self) -> dict[str, Json]:
        """As JSON; `blocked`, `providers`, `blobs` and `rollouts` are there only where anything is."""
        rare: dict[str, Json] = {"blocked": dict(self.blocked)} if self.blocked else {}
        if self.providers:
            rare["providers"] = {name: dict(item) for name, item in self.providers.items()}
        if self.blobs:
            rare["blobs"] = {sha256: list(paths) for sha256, paths in self.blobs.items()}
        if self.rollouts:
            rare["rollouts"] = [item.form() for item in self.rollouts]
        return {
            **rare,
            "plan": PLAN_VERSION,
            "project": self.project,
            "environment": self.environment,
            "pins": dict(self.pins),
            "hosts": {name: self.hosts[name].form() for name in sorted(self.hosts)},
            "steps": [step.form() for step in self.steps],
            "unchanged": self.unchanged,
            "left_out": dict(self.left_out),
            "secrets": {n: {"version": s.version, s.source: s.spec} for n, s in sorted(self.secrets.items())},
            "is_applicable": self.is_applicable,
            "notes": list(self.notes),
        }

    def encode(self) -> bytes:
        """Canonical bytes: what a plan file holds and what its digest is taken of."""
        return canonical.encode(self.form())


_CHANGE: Final[Form] = {
    "op": ("add", "remove", "replace"),
    "path": str,
    "before?": ANY,
    "after?": ANY,
    "cause": get_args(Cause),
}
_STEP: Final[Form] = {
    "id": str,
    "address": str,
    "kind": str,
    "host": str,
    "action": get_args(Action),
    "reason": str,
    "severity": get_args(Severity),
    "config": Map(ANY),
    "identity": Map(ANY),
    "changes?": [_CHANGE],
    "expected?": str,
    "is_conditional?": bool,
    "is_deferred?": bool,
    "bounds?": [str],
    "waits_for?": [str],
    "notifies?": [str],
    "batch": int,
    "previous?": str,
    "provenance": str,
    "lifecycle?": LIFECYCLE,
    "meta?": META,
    "edges?": [str],
}
FORM: Final[Form] = {
    "plan": PLAN_VERSION,
    "project": str,
    "environment": str,
    "pins": {"ir": str, "evidence": str, "objects": str, "runner": str, "manifests": Map(str), "providers?": Map(str)},
    "hosts": Map({**CONNECTION, "incarnation": str, "lane": [str]}),
    "steps": [_STEP],
    "unchanged": int,
    "left_out": Map(str),
    "blocked?": Map(str),
    "secrets": Map(SECRET),
    "providers?": Map(Map(ANY)),
    "blobs?": Map([str]),
    "is_applicable": bool,
    "notes": [str],
    "rollouts?": [ROLLOUT],
}


_PLAIN = (
    *("project", "environment", "pins", "unchanged", "left_out", "blocked", "providers", "blobs"),
    *("is_applicable", "notes"),
)


UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)
"""What `read_plan` raises where its data is no plan."""


def read_plan(data: bytes) -> Plan:
    """The reverse of `encode`. Raises one of UNREADABLE for what is no such plan, or one that contradicts itself."""
    raw = canonical.decode(data, IR_TAGS)
    check(FORM, raw)
    _check_steps(raw)
    hosts = {
        name: HostPlan(Host(name, item["transport"], item["connection"]), item["incarnation"], item["lane"])
        for name, item in raw["hosts"].items()
    }
    secrets = {}
    for name, item in raw["secrets"].items():
        (source,) = set(item) - {"version"}
        secrets[name] = SecretSource(name, item["version"], source, item[source])
    plain = {name: raw[name] for name in _PLAIN if name in raw}
    steps = [_read_step(item) for item in raw["steps"]]
    rollouts = [read_rollout(item) for item in raw.get("rollouts", ())]
    lanes = {name: item.lane for name, item in hosts.items()}
    if rollouts and not are_feasible([(step.id, step.waits_for) for step in steps], lanes, rollouts):
        raise ValueError("steps wait for steps of a later round")
    return Plan(**plain, hosts=hosts, secrets=secrets, steps=steps, rollouts=rollouts)


def _check_steps(raw: Mapping[str, Any]) -> None:
    """Every step is there once, in its host's lane, after what it waits for; a change names a field."""
    lanes: dict[str, list[str]] = {name: [] for name in raw["hosts"]}
    known: set[str] = set()
    for step in raw["steps"]:
        is_new = step["id"] not in known and known.issuperset(step.get("waits_for", ()))
        if not is_new or step["host"] not in lanes:
            raise ValueError(f"{step['id']} is out of place")
        if not all(change["path"].startswith("/") for change in step.get("changes", ())):
            raise ValueError(f"{step['id']} changes no field")
        known.add(step["id"])
        lanes[step["host"]].append(step["id"])
    if any(lane != raw["hosts"][name]["lane"] for name, lane in lanes.items()):
        raise ValueError("a lane does not hold the steps of its host")


def _read_step(raw: Mapping[str, Any]) -> Step:
    members = dict(raw)
    members["changes"] = [
        StepChange(item["op"], item["path"], item.get("before"), item.get("after"), item["cause"])
        for item in raw.get("changes", ())
    ]
    members["lifecycle"] = read_lifecycle(raw.get("lifecycle", {}))
    members["meta"] = Meta(**raw.get("meta", {}))
    return Step(**members)
