"""Whether a run is traced, as the environment says; and what people are told where that does not work."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aivp.cli.failure import print_diagnostics
from aivp.cli.settings import Settings
from aivp.diagnostics import Diagnostic

if TYPE_CHECKING:
    from aivp.events.tracing import Tracing

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def tracing(settings: Settings, project: str, environment: str) -> Tracing | None:
    """What sends spans; None where nobody takes any, or the extra that could send them is not installed."""
    named = [name for name in ENDPOINTS if os.environ.get(name)]
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if not named or is_off or os.environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return None
    try:
        from aivp.events.tracing import Tracing
    except ImportError:
        why = f"{named[0]} is set, but what would send traces there is not installed."
        mend = "Install what the extra `otel` takes beside aivp (docs/guides/install.md), or unset the variable."
        _warn("AIVP0952", why, mend, settings)
        return None
    return Tracing(os.environ, project, environment)


def close(traced: Tracing | None, settings: Settings) -> None:
    """Send the last spans; what could not be sent is said once."""
    if traced is not None and not traced.close():
        why = "The traces of this run could not be sent, or not all of them. The run itself is not touched by that."
        mend = "Look whether a receiver of OTLP over HTTP is where OTEL_EXPORTER_OTLP_ENDPOINT says."
        _warn("AIVP0951", why, mend, settings)


def _warn(code: str, why: str, mend: str, settings: Settings) -> None:
    print_diagnostics([Diagnostic(code, why, mend, severity="warning")], settings)
