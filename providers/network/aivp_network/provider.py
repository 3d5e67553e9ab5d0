"""The network provider: one kind, imported when it is first asked about."""

from __future__ import annotations

from aivp_sdk import Provider

from .declaration import Configuration

PROVIDER = Provider("network", "0.1.0", {"network": f"{__package__}.network:NetworkKind"}, Configuration)
