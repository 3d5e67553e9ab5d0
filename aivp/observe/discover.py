"""A kind and a host by their names → what exists there and is not ours yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aivp_contract import canonical
from aivp_contract.manifest import Kind

from aivp.diagnostics import Diagnostic, Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.hosts.greeting import Owner
from aivp.hosts.sessions import Sessions
from aivp.model.discovered import Discovered, Discovery
from aivp.model.object import Object
from aivp.model.resource import IR, Host
from aivp.observe.listing import listed, narrowed
from aivp.observe.unreached import untrusted
from aivp.observe.untrusted import is_safe
from aivp.plugins import Registry
from aivp.plugins.suggestion import did_you_mean, listing
from aivp.plugins.validate import Validator


def discover(
    kind_name: str,
    host_name: str,
    given: Mapping[str, str],
    ir: IR,
    objects: Sequence[Object],
    lineage: str | None,
    registry: Registry,
    sessions: Sessions,
    is_untrusted: bool,
) -> Discovery:
    """Ask the host. `given`: what narrows the list; `objects`, `lineage`: of the state, if there is one.

    Raises Refused.
    """
    kind = registry.kind(kind_name)
    if kind is None:
        mend = did_you_mean(kind_name, registry.kinds) or f"Known kinds: {listing(registry.kinds, 30)}."
        raise refusal("AIVP0906", f"There is no kind {kind_name}.", mend)
    host = ir.hosts.get(host_name)
    if host is None:
        mend = did_you_mean(host_name, ir.hosts) or f"Declared: {listing(ir.hosts)}."
        raise refusal("AIVP0210", f"There is no host {host_name}.", mend)
    within = narrowed(kind, given)
    if is_untrusted:
        _refuse_untrusted(kind, host, registry)
    found = listed(kind, host, within, Owner(ir.project, ir.environment, lineage), sessions)
    known = {*_identities(kind, host_name, ir, objects)}
    new = [thing for thing in found if canonical.encode(dict(thing.identity)) not in known]
    good, warnings = _fitting(kind, host_name, new)
    return Discovery(kind, host_name, good, known=len(found) - len(new), warnings=warnings)


def _identities(kind: Kind, host: str, ir: IR, objects: Iterable[Object]) -> Iterable[bytes]:
    """Of what is declared, or in state; one that is not known before an apply stands for nothing."""
    for row in objects:
        if (row.kind, row.host) == (kind.name, host):
            yield canonical.encode(dict(row.identity))
    for resource in ir.resources.values():
        if (resource.kind, resource.host) == (kind.name, host):
            yield canonical.encode(kind.identity_of(resource.attributes))


def _fitting(kind: Kind, host: str, things: Sequence[Discovered]) -> tuple[list[Discovered], list[Diagnostic]]:
    """Those that can be declared, and what is wrong with the others: names of long ago, made by other tools."""
    validator = Validator()
    good: list[Discovered] = []
    wrong: list[Diagnostic] = []
    for thing in things:
        found = validator.check(kind, thing.attributes)
        if not found:
            good.append(thing)
            continue
        which = ", ".join(str(value)[:100] for value in thing.identity.values())
        why = f"The {kind.name} {which} on {host} cannot be declared: {found[0].message}"
        wrong.append(Diagnostic("AIVP0912", why, severity="warning"))
    return good, wrong


def _refuse_untrusted(kind: Kind, host: Host, registry: Registry) -> None:
    """A stranger's project starts neither its own channels nor code of third parties."""
    if not is_safe(host):
        found = untrusted(host)
        raise Refused((Diagnostic(found.code, str(found.error), found.mend),))
    if not registry.providers[kind.provider].is_first_party:
        why = f"{kind.name} is served by the provider {kind.provider}, which does not come with aivp."
        raise refusal("AIVP0416", why, "--untrusted starts none of these. Review the project first.")
