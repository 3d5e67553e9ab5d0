"""What `--untrusted` starts and what it does not: nothing that the project's author wrote runs on this machine.

Guards, commands of secrets and channels of `transport: exec` are theirs; so is the choice of whom SSH and sudo talk to.
What is therefore not known is said in the plan, which cannot be applied.
"""

from __future__ import annotations

from collections.abc import Mapping

from aivp_contract.manifest import Kind
from aivp_contract.values import Json, Secret, contains

from aivp.model.resource import IR, Host

SAFE_TRANSPORTS = frozenset({"local"})
"""Transports that run nothing that the project's author wrote."""


def is_safe(host: Host) -> bool:
    """True where reaching the host runs nothing of the author's, and as nobody but the user."""
    return host.transport in SAFE_TRANSPORTS and "become" not in host.connection


def guards(kind: Kind, attributes: Mapping[str, Json]) -> list[str]:
    """The fields whose observation would run what the author wrote."""
    return [name for name in sorted(attributes) if name in kind.fields and kind.fields[name].guard]


def unseen(ir: IR, kinds: Mapping[str, Kind]) -> list[str]:
    """What nobody looked at, as notes of a plan, sorted."""
    notes = [
        f"--untrusted: {name} was not asked, since its channel is the project's choice ({host.transport})"
        for name, host in ir.hosts.items()
        if not is_safe(host)
    ]
    for address, resource in ir.resources.items():
        asked = guards(kinds[resource.kind], resource.attributes)
        if asked:
            notes.append(f"--untrusted: {address} was not observed, since it has a guard ({', '.join(asked)})")
        secret = [name for name, value in sorted(resource.attributes.items()) if contains(value, (Secret,))]
        if secret:
            notes.append(f"--untrusted: {address} was observed without its secrets ({', '.join(secret)})")
    return sorted(notes)
