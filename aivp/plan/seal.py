"""Steps in their order → the closed plan: what it pins, the hosts that it needs, the secrets that it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aivp_contract import canonical
from aivp_contract.values import Json

from aivp.model.address import parse_address
from aivp.model.evidence import Evidence
from aivp.model.expression import Fact
from aivp.model.resource import GUEST, IR, Host
from aivp.model.rollout import Rollout
from aivp.model.taint import names
from aivp.plan.bind import Kinds
from aivp.plan.exposure import used_secrets
from aivp.plan.steps import HostPlan, Plan, Step
from aivp.plan.world import Decided, coming


def seal(
    ir: IR,
    evidence: Evidence,
    decided: Decided,
    steps: Sequence[Step],
    lanes: Mapping[str, Sequence[str]],
    kinds: Kinds,
    rollouts: Sequence[Rollout] = (),
) -> Plan:
    """The plan of `steps`, which stand in the order of `lanes` (host → step ids).

    Of configurations only those of providers that serve a step are in it, with what secrets they take.
    """
    connections = {row.host: row.connection for row in evidence.objects}
    hosts = {}
    for name in sorted({step.host for step in steps}):
        seen = evidence.hosts[name]
        host = _host(name, ir, evidence, connections)
        incarnation = "" if coming(name, decided) == "new" else seen.incarnation
        hosts[name] = HostPlan(host, incarnation, list(lanes.get(name, ())))
    served = {kinds[step.kind].provider for step in steps if step.kind in kinds}
    providers = {name: item for name, item in ir.providers.items() if name in served}
    reached = [dict(item.host.connection) for item in hosts.values()]
    used = sorted({*used_secrets(steps), *names(providers), *names(reached)})
    return Plan(
        project=ir.project,
        environment=ir.environment,
        pins={
            "ir": canonical.digest_bytes(ir.encode()),
            "evidence": _evidence_digest(ir, evidence),
            "objects": evidence.recorded,
            "runner": evidence.runner,
            "manifests": dict(ir.manifests),
            **({"providers": dict(evidence.providers)} if evidence.providers else {}),
        },
        hosts=hosts,
        steps=steps,
        unchanged=len(decided.unchanged),
        left_out=dict(sorted(decided.left_out.items())),
        blocked=dict(sorted(decided.blocked.items())),
        secrets={name: ir.secrets[name] for name in used if name in ir.secrets},
        providers=providers,
        is_applicable=decided.is_applicable,
        rollouts=rollouts,
    )


def _host(name: str, ir: IR, evidence: Evidence, connections: Mapping[str, Mapping[str, Json]]) -> Host:
    """As it was reached; a guest with all hosts that it stands on."""
    host = ir.hosts.get(name) or _recorded_host(name, connections[name])
    parsed = parse_address(name) if host.transport == GUEST else None
    if parsed is None or parsed.host is None:
        return host
    outer = _host(parsed.host, ir, evidence, connections)
    connection: dict[str, Json] = {"outer": {"name": outer.name, **outer.form()}}
    if channel := evidence.hosts[name].channel:
        connection["command"] = list(channel)
    return Host(name, GUEST, connection)


def _recorded_host(name: str, connection: Mapping[str, Json]) -> Host:
    return Host(name, str(connection["transport"]), connection["connection"])


def _evidence_digest(ir: IR, evidence: Evidence) -> str:
    """Of what planning read: observations, incarnations, pending notifications, referenced facts; not of every fact."""
    facts = sorted({(fact.host, fact.path) for fact in _facts(ir)})
    read = {
        "seen": {key: item.form() for key, item in evidence.seen.items()},
        "hosts": {
            name: {"incarnation": item.incarnation, "pending": sorted(item.pending), "is_reached": item.is_reached}
            for name, item in evidence.hosts.items()
        },
        "facts": [[host, list(path), _at(evidence, host, path)] for host, path in facts],
    }
    return canonical.digest(read)


def _facts(ir: IR) -> Iterable[Fact]:
    found: list[Fact] = []
    for resource in ir.resources.values():
        _gather(dict(resource.attributes), found)
        if resource.when is not None:
            _gather(resource.when, found)
    return found


def _gather(value: Json, found: list[Fact]) -> None:
    if isinstance(value, Fact):
        found.append(value)
    elif type(value) is dict:
        for item in value.values():
            _gather(item, found)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _gather(item, found)
    elif hasattr(value, "form"):
        _gather(value.form(), found)


def _at(evidence: Evidence, host: str, path: Sequence[str]) -> Json:
    value: Json = evidence.hosts[host].facts if host in evidence.hosts else None
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
