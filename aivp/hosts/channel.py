"""A host's declaration → the argv whose stdin and stdout are a byte stream to that host's python3."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from aivp.diagnostics.diagnostic import refusal
from aivp.hosts.archive import bootstrap
from aivp.model.resource import Host


def channel(host: Host) -> Sequence[str]:
    """The argv that starts the runner's bootstrap there. Local hosts get the interpreter that we run on."""
    match host.transport:
        case "local":
            return [sys.executable, "-I", "-S", "-c", bootstrap()]
        case "exec":
            return [*host.connection["command"], "python3", "-I", "-S", "-c", bootstrap()]
        case other:
            raise refusal("AIVP0601", f"{host.name} is reached by {other}, which this version cannot do.")
