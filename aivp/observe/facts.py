"""Hosts → their facts, asked of each; one that cannot be asked says why and stops nobody else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from aivp_contract.values import Json

from aivp.diagnostics import Refused
from aivp.hosts.greeting import Owner, greet
from aivp.hosts.refusals import refused
from aivp.hosts.session import Refusal
from aivp.hosts.sessions import Sessions
from aivp.model.evidence import HostEvidence
from aivp.model.resource import Host
from aivp.observe.unreached import untrusted
from aivp.observe.untrusted import is_safe


def facts(
    hosts: Iterable[Host], owner: Owner, sessions: Sessions, *, is_untrusted: bool = False
) -> dict[str, HostEvidence]:
    """By host, sorted."""
    by_name = {host.name: host for host in hosts}
    answers = sessions.each(by_name, lambda name: _facts(by_name[name], owner, sessions, is_untrusted))
    return {name: _unreached(item) if isinstance(item, Refused) else item for name, item in answers.items()}


def _facts(host: Host, owner: Owner, sessions: Sessions, is_untrusted: bool) -> HostEvidence:
    if is_untrusted and not is_safe(host):
        return untrusted(host)
    with sessions.visit(host) as session:
        try:
            found = greet(session, owner, sessions.archive.kinds)
        except Refusal as refusal:
            raise refused(refusal) from None
        return HostEvidence(found.incarnation, found.facts, found.pending)


def _unreached(refused: Refused) -> HostEvidence:
    first = refused.diagnostics[0]
    return HostEvidence(error=first.why, code=first.code, mend=first.mend)


def flat(facts: Mapping[str, Json], prefix: str = "") -> Iterator[tuple[str, Json]]:
    """Facts by their dotted names, sorted; what is no fact of a known type is left out."""
    for name in sorted(facts):
        value = facts[name]
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        elif type(value) in (str, int, bool):
            yield prefix + name, value
