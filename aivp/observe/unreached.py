"""Evidence → a warning for each host that could not be asked.

Why that was is in no plan: its bytes say which resources are blocked, and by which host.
"""

from __future__ import annotations

from aivp.diagnostics import Diagnostic
from aivp.hosts.session import MEND_REACH, UNREACHED
from aivp.model.evidence import Evidence
from aivp.model.resource import Host

_UNTRUSTED = "--untrusted starts no"


def untrusted(host: Host) -> str:
    """Why a host is not even tried where nothing of the author's may run."""
    return f"{_UNTRUSTED} {host.transport} channel"


def unreached(evidence: Evidence) -> list[Diagnostic]:
    """The warnings, sorted by host."""
    return [
        Diagnostic(UNREACHED, host.error, _mend(name, host.error), severity="warning")
        for name, host in sorted(evidence.hosts.items())
        if host.error is not None
    ]


def _mend(name: str, error: str) -> str:
    is_forbidden = error.startswith(f"{name}: {_UNTRUSTED}")
    return "Once the project is reviewed, say it without --untrusted." if is_forbidden else MEND_REACH
