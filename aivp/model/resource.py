"""Resources, hosts and the compiled program (IR): plain frozen values with one JSON form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aivp_contract import canonical
from aivp_contract.values import Json

from aivp.model.expression import IR_TAGS
from aivp.model.rollout import Rollout, read_rollout

IR_VERSION = 1

GUEST = "guest"
"""The transport of hosts that are resources: the host that they stand on leads to them."""

EdgeType = Literal["reference", "depends", "notify", "host", "implied"]


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What may happen to the real thing; recorded in state, so that it governs orphans too."""

    prevent_destroy: bool = False
    retain: bool = False
    """An orphan is forgotten, never deleted."""
    ignore_changes: tuple[str, ...] = ()
    """Fields whose differences are not mended (after creation)."""
    on_false: Literal["forget", "delete"] = "forget"
    """What happens when a condition on facts turns false."""
    on_host_destroy: Literal["forget", "delete"] = "forget"
    create_before_destroy: bool = False
    """Where it has to be replaced, the old one goes last: after the new one has come, and all that depends on it."""

    def form(self) -> dict[str, Json]:
        """As JSON; members at their default are left out."""
        return _without_defaults(self, Lifecycle())


@dataclass(frozen=True, slots=True)
class Meta:
    """Settings of the engine for one resource. `timeout` is in seconds."""

    labels: Mapping[str, str] = field(default_factory=dict)
    timeout: int | None = None
    retries: int = 0
    on_interrupt: Literal["fail", "retry", "accept"] = "fail"

    def form(self) -> dict[str, Json]:
        """As JSON; members at their default are left out."""
        return _without_defaults(self, Meta())


NO_LIFECYCLE = Lifecycle()
NO_META = Meta()


@dataclass(frozen=True, slots=True)
class Resource:
    """One declared thing on one host. `attributes` are in normal form, with defaults, and may hold expressions.

    when: None, or a condition that facts decide, as JSON: `{"test": Fact, "any_of": [...]}`, `{"all": [...]}`,
    `{"any": [...]}`, `{"not": ...}`.
    """

    address: str
    kind: str
    host: str
    attributes: Mapping[str, Json]
    when: Json = None
    lifecycle: Lifecycle = NO_LIFECYCLE
    meta: Meta = NO_META

    def form(self) -> dict[str, Json]:
        """As JSON, with the address as its key outside."""
        found: dict[str, Json] = {"kind": self.kind, "host": self.host, "attributes": dict(self.attributes)}
        if self.when is not None:
            found["when"] = self.when
        if self.lifecycle is not NO_LIFECYCLE and (lifecycle := self.lifecycle.form()):
            found["lifecycle"] = lifecycle
        if self.meta is not NO_META and (meta := self.meta.form()):
            found["meta"] = meta
        return found


@dataclass(frozen=True, slots=True)
class Host:
    """Where resources are realised. `connection` holds what the transport needs (`command` of exec, …)."""

    name: str
    transport: str
    connection: Mapping[str, Json] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, Json] = field(default_factory=dict)

    def form(self) -> dict[str, Json]:
        """As JSON, with the name as its key outside. Labels and vars are spent at compile and stay out."""
        return {"transport": self.transport, "connection": dict(self.connection)}


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """`before` must be done before `after`; for `notify`, `before` is the sender."""

    before: str
    after: str
    type: EdgeType


@dataclass(frozen=True, slots=True)
class Import:
    """Bind a real thing to an address: `identity` by field name."""

    address: str
    identity: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Removed:
    """A resource that is no longer declared on purpose: forget it, or delete the real thing."""

    address: str
    destroy: bool


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret comes from: `source` is env, file, command or generate; `spec` its argument; never a value."""

    name: str
    version: str
    source: str
    spec: Json


@dataclass(frozen=True, slots=True)
class IR:
    """The compiled program of one environment: everything that planning reads of the declaration."""

    project: str
    environment: str
    hosts: Mapping[str, Host]
    resources: Mapping[str, Resource]
    """By address, sorted."""
    edges: Sequence[Edge]
    moved: Mapping[str, str] = field(default_factory=dict)
    """Old address → new address."""
    imports: Sequence[Import] = ()
    removed: Sequence[Removed] = ()
    secrets: Mapping[str, SecretSource] = field(default_factory=dict)
    manifests: Mapping[str, str] = field(default_factory=dict)
    """Provider → digest of its manifest."""
    providers: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """Provider → what it is started with; secrets by their origin."""
    rollouts: Sequence[Rollout] = ()
    """Of groups whose hosts are worked on in rounds, by name."""

    def form(self) -> dict[str, Json]:
        """As JSON; `schemas/ir/v1` describes it."""
        return {
            "ir": IR_VERSION,
            "project": self.project,
            "environment": self.environment,
            "hosts": {name: host.form() for name, host in self.hosts.items()},
            "resources": {address: item.form() for address, item in self.resources.items()},
            "edges": [[edge.before, edge.after, edge.type] for edge in sorted(self.edges)],
            "moved": dict(self.moved),
            "imports": [{"address": item.address, "identity": dict(item.identity)} for item in self.imports],
            "removed": [{"address": item.address, "destroy": item.destroy} for item in self.removed],
            "secrets": {name: {"version": item.version, item.source: item.spec} for name, item in self.secrets.items()},
            "manifests": dict(self.manifests),
            **({"providers": {name: dict(item) for name, item in self.providers.items()}} if self.providers else {}),
            **({"rollouts": [item.form() for item in self.rollouts]} if self.rollouts else {}),
        }

    def encode(self) -> bytes:
        """Canonical bytes."""
        return canonical.encode(self.form())


def read_ir(data: bytes) -> IR:
    """The reverse of `encode`. Raises NotCanonical, KeyError or TypeError where `data` is no IR of this version."""
    raw = canonical.decode(data, IR_TAGS)
    if raw["ir"] != IR_VERSION:
        raise canonical.NotCanonical(f"IR of version {raw['ir']}")
    return IR(
        project=raw["project"],
        environment=raw["environment"],
        hosts={k: Host(k, v["transport"], v["connection"]) for k, v in raw["hosts"].items()},
        resources={address: read_resource(address, item) for address, item in raw["resources"].items()},
        edges=[Edge(*item) for item in raw["edges"]],
        moved=raw["moved"],
        imports=[Import(**item) for item in raw["imports"]],
        removed=[Removed(**item) for item in raw["removed"]],
        secrets={name: _read_secret(name, item) for name, item in raw["secrets"].items()},
        manifests=raw["manifests"],
        providers=raw.get("providers", {}),
        rollouts=[read_rollout(item) for item in raw.get("rollouts", ())],
    )


def read_resource(address: str, raw: Mapping[str, Json]) -> Resource:
    """The reverse of `Resource.form`."""
    return Resource(
        address,
        raw["kind"],
        raw["host"],
        raw["attributes"],
        raw.get("when"),
        read_lifecycle(raw.get("lifecycle", {})),
        Meta(**raw["meta"]) if "meta" in raw else NO_META,
    )


def read_lifecycle(raw: Mapping[str, Any]) -> Lifecycle:
    """The reverse of `Lifecycle.form`."""
    if not raw:
        return NO_LIFECYCLE
    return Lifecycle(**{**raw, "ignore_changes": tuple(raw.get("ignore_changes", ()))})


def _read_secret(name: str, raw: Mapping[str, Json]) -> SecretSource:
    (source,) = set(raw) - {"version"}
    return SecretSource(name, raw["version"], source, raw[source])


def _without_defaults(value: Any, default: Any) -> dict[str, Json]:
    found = {name: getattr(value, name) for name in type(value).__dataclass_fields__}
    kept = {name: item for name, item in found.items() if item != getattr(default, name)}
    return {name: list(item) if isinstance(item, tuple) else item for name, item in kept.items()}
