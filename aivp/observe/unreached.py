"""Evidence → a warning for each host that could not be asked, and for what third-party providers could not look at.

Why that was is in no plan: its bytes say which resources are blocked, and by which host or provider.
"""

from __future__ import annotations

from aivp.diagnostics import Diagnostic
from aivp.hosts.session import MEND_REACH, UNREACHED
from aivp.model.evidence import Evidence, blocks, kind_of
from aivp.model.resource import Host
from aivp.plan.world import unseen

_UNTRUSTED = "--untrusted starts no"


def untrusted(host: Host) -> str:
    """Why a host is not even tried where nothing of the author's may run."""
    return f"{_UNTRUSTED} {host.transport} channel"


def unreached(evidence: Evidence) -> list[Diagnostic]:
    """The warnings, sorted by host; then those of third-party providers, by what they could not look at."""
    hosts = [
        Diagnostic(UNREACHED, host.error, _mend(name, host.error), severity="warning")
        for name, host in sorted(evidence.hosts.items())
        if host.error is not None
    ]
    failed = [
        unseen(seen, key.rpartition(":")[2], "warning")
        for key, seen in sorted(evidence.seen.items())
        if seen.error is not None and blocks(kind_of(key))
    ]
    return [*hosts, *failed]


def _mend(name: str, error: str) -> str:
    is_forbidden = error.startswith(f"{name}: {_UNTRUSTED}")
    return "Once the project is reviewed, say it without --untrusted." if is_forbidden else MEND_REACH
