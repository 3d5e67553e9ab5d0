"""The VM provider: its kind is imported when it is first asked about."""

from __future__ import annotations

from aivp_sdk import Provider

from .declaration import Configuration

PROVIDER = Provider("vm", "0.1.0", {"vm": f"{__package__}.kind:VmKind"}, Configuration)
