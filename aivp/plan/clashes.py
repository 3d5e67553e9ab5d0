"""What compile had to leave open: two resources that are one thing once facts and outputs are known, and secrets that
reach a field which others on the host can see."""

from __future__ import annotations

from collections.abc import Mapping

from aivp_contract import canonical
from aivp_contract.values import Secret, contains

from aivp.diagnostics import Diagnostics
from aivp.plan.bind import Bound, Kinds


def check(declared: Mapping[str, Bound], kinds: Kinds, diagnostics: Diagnostics) -> None:
    """Report both. Where no condition and no identity was open, compile has seen everything and this looks at nothing."""
    _identities(declared, kinds, diagnostics)
    _exposed(declared, kinds, diagnostics)


def _identities(declared: Mapping[str, Bound], kinds: Kinds, diagnostics: Diagnostics) -> None:
    opened = {(item.resource.kind, item.resource.host) for item in declared.values() if _was_open(item, kinds)}
    seen: dict[tuple[str, str, bytes], str] = {}
    for address, item in declared.items():
        place = (item.resource.kind, item.resource.host)
        identity = kinds[item.resource.kind].identity_of(item.known)
        if place not in opened or None in identity.values():
            continue
        first = seen.setdefault((*place, canonical.encode(identity)), address)
        if first != address:
            diagnostics.error(
                "AIVP0222",
                f"{address} and {first} are the same {item.resource.kind} on {item.resource.host}.",
                "Let their conditions exclude each other, or declare it once.",
                address=address,
            )


def _was_open(item: Bound, kinds: Kinds) -> bool:
    """True where compile could not know the identity, or whether it is declared at all."""
    resource = item.resource
    return resource.when is not None or any(
        resource.attributes.get(name) is not item.attributes.get(name) for name in kinds[resource.kind].identity
    )


def _exposed(declared: Mapping[str, Bound], kinds: Kinds, diagnostics: Diagnostics) -> None:
    for address, item in declared.items():
        if item.attributes is item.resource.attributes:
            continue
        fields = kinds[item.resource.kind].fields
        for name in sorted(item.attributes):
            if name in fields and fields[name].exposed and contains(item.attributes[name], (Secret,)):
                why = f"{address}: {name} is seen by other users of the host, and a secret reaches it."
                diagnostics.error("AIVP0306", why, "Hand it over by a file or by env.", address=address)
