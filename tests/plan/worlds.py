"""A small world to plan in: kinds of every sort, a declaration as plain data, and evidence that says what is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aivp_contract.manifest import read_manifest
from aivp_contract.observation import Observation
from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic, Refused
from aivp.model.address import parse_address
from aivp.model.evidence import Evidence, HostEvidence, Seen, object_key
from aivp.model.expression import Template
from aivp.model.graph import ResourceGraph
from aivp.model.object import Object
from aivp.model.resource import IR, Edge, Host, Import, Lifecycle, Meta, Removed, Resource, SecretSource
from aivp.plan.bind import bind
from aivp.plan.decide import asked_digest
from aivp.plan.options import Options
from aivp.plan.plan import make_plan
from aivp.plan.steps import Plan, Step

_TEXT = {"type": "string"}


def _kind(properties: Mapping[str, Json], **more: Json) -> dict[str, Json]:
    return {"schema": {"type": "object", "properties": dict(properties)}, "identity": ["name"], **more}


_NAMED = {"name": _TEXT, "state": {"enum": ["present", "absent"]}}

MANIFEST_JSON: dict[str, Json] = {
    "manifest": 1,
    "name": "test",
    "version": "1",
    "kinds": {
        "thing": _kind(
            {
                **_NAMED,
                "text": {"type": "string", "x-aivp": {"text": True}},
                "size": {"type": "integer", "x-aivp": {"immutable": True}},
                "mode": {"type": "string", "x-aivp": {"semantic": "mode"}},
                "tags": {"type": "array", "items": _TEXT, "x-aivp": {"set": True}},
                "members": {"type": "array", "items": _TEXT, "x-aivp": {"set": True, "owned": True}},
                "token": {"type": "string", "x-aivp": {"sensitive": True}},
                "seed": {"type": "string", "x-aivp": {"write_only": True}},
                "id": {"type": "string", "x-aivp": {"computed": True}},
            }
        ),
        "bulk": _kind({**_NAMED, "text": _TEXT}, batch=True),
        "package": _kind(_NAMED, phase="package", batch=True, transaction=True, shared=True, disturbs=["*"]),
        "account": _kind(_NAMED, phase="identity", disturbs=["thing"]),
        "service": _kind(
            {**_NAMED, "running": {"type": "boolean"}}, phase="service", refreshable=True, deletable=False
        ),
        "command": _kind(
            {
                **_NAMED,
                "argv": {"type": "array", "items": _TEXT, "x-aivp": {"write_only": True}},
                "unless": {"type": "array", "items": _TEXT, "x-aivp": {"guard": True}},
                "stdout": {"type": "string", "x-aivp": {"computed": True}},
            },
            phase="command",
            existence="recorded",
            deletable=False,
            refreshable=True,
            disturbs=["*"],
        ),
    },
}
CLOUD_JSON: dict[str, Json] = {
    "manifest": 1,
    "name": "cloud",
    "version": "1",
    "configuration": {
        "type": "object",
        "additionalProperties": False,
        "required": ["token", "url"],
        "properties": {
            "url": _TEXT,
            "token": {"type": "string", "x-aivp": {"sensitive": True}},
            "timeout": {"anyOf": [_TEXT, {"type": "integer"}], "default": "30s", "x-aivp": {"semantic": "duration"}},
        },
    },
    "kinds": {"cloud/zone": _kind({**_NAMED, "ttl": {"type": "integer"}}, placement="controller")},
}
"""A provider of an API, which is told where that is."""
MANIFEST = read_manifest(MANIFEST_JSON)
KINDS = {**MANIFEST.kinds, **read_manifest(CLOUD_JSON).kinds}
CONNECTION = {"transport": "local", "connection": {}}


def host_of(address: str) -> str:
    """The part behind the first @."""
    return address.split("@", 1)[1]


def declare(resources: Mapping[str, Mapping[str, Json]], *edges: str, **more: Any) -> IR:
    """An IR. `resources`: address → attributes, with `when`, `lifecycle` and `meta` among them; `name` is filled in.

    edges: `before after` for depends, or `before type after`.
    """
    hosts = {host_of(address) for address in resources} | set(more.pop("hosts", ()))
    return IR(
        project="test",
        environment="main",
        hosts={name: Host(name, "local") for name in sorted(hosts)},
        resources={address: _resource(address, resources[address]) for address in sorted(resources)},
        edges=[_edge(text) for text in edges],
        moved=more.pop("moved", {}),
        imports=[Import(address, {}) for address in more.pop("imports", ())],
        removed=[Removed(address, destroy) for address, destroy in more.pop("removed", {}).items()],
        secrets={name: SecretSource(name, "1", "env", name.upper()) for name in more.pop("secrets", ())},
        manifests={"test": "sha256:" + "0" * 64},
        **more,
    )


def _resource(address: str, raw: Mapping[str, Json]) -> Resource:
    parts = parse_address(address)
    assert parts is not None
    rest = dict(raw)
    own = {"when": rest.pop("when", None), "lifecycle": Lifecycle(**rest.pop("lifecycle", {}))}
    meta = Meta(**rest.pop("meta", {}))
    return Resource(address, parts.kind, host_of(address), {"name": parts.name, **rest}, meta=meta, **own)


def _edge(text: str) -> Edge:
    before, *kind, after = text.split()
    return Edge(before, after, kind[0] if kind else "depends")  # type: ignore[arg-type]


def row(address: str, **raw: Json) -> Object:
    """A recorded object. Of its attributes, `name` is filled in; `provenance`, `lifecycle` and so on are its own."""
    resource = _resource(address, {k: v for k, v in raw.items() if k not in _ROW})
    known = {name: raw[name] for name in _ROW if name in raw}
    return Object(
        address=address,
        kind=resource.kind,
        host=resource.host,
        identity={"name": resource.attributes["name"]},
        provenance=known.pop("provenance", "created"),
        attributes=resource.attributes,
        lifecycle=resource.lifecycle,
        incarnation="m1",
        connection=CONNECTION,
        **known,
    )


_ROW = ("provenance", "outputs", "edges", "is_deposed", "schema_version")


def witness(
    ir: IR,
    seen: Mapping[str, Json] | None = None,
    objects: Sequence[Object] = (),
    *,
    hosts: Mapping[str, HostEvidence] | None = None,
    asked: IR | None = None,
) -> Evidence:
    """Evidence of a world.

    seen: address or object key → None (not there), fields as observed, an Observation or a whole Seen. What is not
    named is as declared (a declared resource) or as recorded (an object), unless its name is mapped to `MISSING`.
    asked: the declaration that was observed, where it is another one than `ir`.
    """
    given = dict(seen or {})
    about = asked or ir
    places = {item.host for item in ir.resources.values()} | {item.host for item in objects}
    known = {name: HostEvidence("m1", {"os": {"id": "debian"}}) for name in sorted(places)} | dict(hosts or {})
    found = Evidence("test", "main", "sha256:" + "1" * 64, known, objects, {})
    for item in objects:
        answer = given.pop(object_key(item), dict(item.attributes))
        if answer is not MISSING:
            found = _with(found, object_key(item), answer, "")
    order = graph_of(about).order
    for address in order:
        bound = bind(about, order, found, KINDS, render)[address]
        if known[bound.resource.host].error is not None:
            continue
        answer = given.pop(address, _as_declared(bound.resource, bound.known))
        if answer is not MISSING:
            found = _with(found, address, answer, asked_digest(bound))
    assert not given, f"nobody asked about {sorted(given)}"
    return found


MISSING = object()
"""Nobody was asked about it."""


def _as_declared(resource: Resource, known: Mapping[str, Json]) -> Observation:
    fields = KINDS[resource.kind].fields
    return Observation({name: value for name, value in known.items() if not fields[name].write_only})


def _with(evidence: Evidence, key: str, answer: Json, asked: str) -> Evidence:
    if not isinstance(answer, Seen):
        answer = Seen(asked, answer if isinstance(answer, Observation) else Observation(answer))
    return replace(evidence, seen={**evidence.seen, key: answer})


def graph_of(ir: IR) -> ResourceGraph:
    """The graph of `ir` under these kinds."""
    return ResourceGraph.of(ir, KINDS.get)


def render(templates: Sequence[Template]) -> list[str]:
    """Stands for the templates room: the source, then the variables."""
    return [item.source + "".join(f" {name}={item.vars[name]}" for name in sorted(item.vars)) for item in templates]


def plan(
    ir: IR,
    evidence: Evidence | None = None,
    *,
    target: Iterable[str] = (),
    exclude: Iterable[str] = (),
    is_destroy: bool = False,
) -> Plan:
    """The plan."""
    options = Options(tuple(target), tuple(exclude), is_destroy)
    return make_plan(ir, graph_of(ir), evidence or witness(ir), KINDS, render, options)


def told(found: Plan) -> list[str]:
    """`action address (reason)` of every step, in order."""
    return [f"{step.action} {step.address} ({step.reason})" for step in found.steps]


def ids(found: Plan) -> list[str]:
    """The ids of all steps, in order."""
    return [step.id for step in found.steps]


def step(found: Plan, name: str) -> Step:
    """The step of that id."""
    return next(item for item in found.steps if item.id == name)


def refused(ir: IR, evidence: Evidence, **options: Any) -> list[Diagnostic]:
    """The diagnostics of a plan that is refused, none where it is not."""
    try:
        plan(ir, evidence, **options)
    except Refused as end:
        return list(end.diagnostics)
    return []


def said(ir: IR, evidence: Evidence, **options: Any) -> list[str]:
    """`CODE: why` of each."""
    return [f"{item.code}: {item.why}" for item in refused(ir, evidence, **options)]
