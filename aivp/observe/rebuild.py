"""What hosts remember → the rows of a state that was lost. Values last applied are unknown afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from aivp.diagnostics import Diagnostic, Refused
from aivp.hosts.refusals import refused
from aivp.hosts.session import Refusal
from aivp.hosts.sessions import Sessions
from aivp.model.object import Object
from aivp.model.resource import IR, Host, read_lifecycle
from aivp_contract.values import Json


def rebuild(ir: IR, sessions: Sessions, lineage: str) -> list[Object]:
    """Rows for everything that the hosts hold for this project and environment; they now follow `lineage`.

    Raises Refused if any host cannot be asked: a state that is rebuilt by half would orphan the rest.
    """
    used = {resource.host for resource in ir.resources.values()}
    hosts = {name: host for name, host in ir.hosts.items() if name in used}
    found: list[Object] = []
    for answer in sessions.each(hosts, lambda name: _remembered(ir, hosts[name], sessions, lineage)).values():
        if isinstance(answer, Refused):
            raise answer
        found.extend(answer)
    return found


def _remembered(ir: IR, host: Host, sessions: Sessions, lineage: str) -> Sequence[Object]:
    session = sessions.session(host)
    owner = {"project": ir.project, "environment": ir.environment, "lineage": lineage}
    try:
        answer = session.request("hello", {**owner, "kinds": dict(sessions.archive.kinds)})
        objects = [_object(claim, host, str(answer["incarnation"])) for claim in answer["registry"]]
        session.request("rebuild", {"lineage": lineage})
    except Refusal as refusal:
        raise refused(refusal) from None
    except (KeyError, TypeError, ValueError):
        raise Refused((Diagnostic("AIVP0603", f"{host.name}: its registry is not of the protocol."),)) from None
    return objects


def _object(claim: Json, host: Host, incarnation: str) -> Object:
    return Object(
        address=str(claim["address"]),
        kind=str(claim["kind"]),
        host=host.name,
        identity=claim["identity"],
        provenance="created" if claim["provenance"] == "created" else "adopted",
        attributes=claim["identity"],
        lifecycle=read_lifecycle(claim["lifecycle"]),
        edges=[str(edge) for edge in claim["edges"]],
        incarnation=incarnation,
        connection=host.form(),
    )
