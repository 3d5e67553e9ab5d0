"""The host provider: the kinds of things that make up a Linux host, each imported when it is first asked about."""

from __future__ import annotations

from aivp_sdk import Provider

_KINDS = {
    "command": "command:CommandKind",
    "file": "file:FileKind",
    "group": "group:GroupKind",
    "noop": "noop:NoopKind",
    "package": "package:PackageKind",
    "package_index": "package_index:PackageIndexKind",
    "service": "service:ServiceKind",
    "user": "user:UserKind",
}

PROVIDER = Provider("host", "0.1.0", {name: f"{__package__}.{place}" for name, place in _KINDS.items()})
