"""Evidence → a warning for each host that could not be asked, and for what third-party providers could not look at.

Why that was is in no plan: its bytes say which resources are blocked, and by which host or provider.
"""

from __future__ import annotations

from aivp.diagnostics import Diagnostic
from aivp.hosts.failures import AWAY, UNREACHED, without_journal
from aivp.model.evidence import Evidence, HostEvidence, blocks, kind_of
from aivp.model.resource import Host
from aivp.plan.world import unseen


def untrusted(host: Host) -> HostEvidence:
    """A host that is not even tried where nothing of the author's may run."""
    why = f"{host.name}: --untrusted starts no {_channel(host)}."
    return HostEvidence(error=why, mend="Once the project is reviewed, say it without --untrusted.")


def _channel(host: Host) -> str:
    return "sudo" if "become" in host.connection and host.transport == "local" else f"{host.transport} channel"


def unreached(evidence: Evidence) -> list[Diagnostic]:
    """The warnings, sorted by host; then those of third-party providers, by what they could not look at."""
    hosts = [
        Diagnostic(host.code if host.code in AWAY else UNREACHED, host.error, host.mend, severity="warning")
        for _, host in sorted(evidence.hosts.items())
        if host.error is not None
    ]
    hosts += [without_journal(name, host.trouble) for name, host in sorted(evidence.hosts.items()) if host.trouble]
    failed = [
        unseen(seen, key.rpartition(":")[2], "warning")
        for key, seen in sorted(evidence.seen.items())
        if seen.error is not None and blocks(kind_of(key))
    ]
    return [*hosts, *dict.fromkeys(failed)]  # of a recorded object and of what is declared in its place it is said once
