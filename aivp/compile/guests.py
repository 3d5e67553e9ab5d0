"""Resources that are hosts themselves: declared things of a kind with a channel, such as a VM → hosts of the project.

A guest's name is the full address of its resource, so that two on two hosts are never taken for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aivp_contract.values import Json

from aivp.compile.instance import Declaration, Instance
from aivp.compile.mistake import Mistake
from aivp.diagnostics import Diagnostics
from aivp.model.address import parse_address
from aivp.model.resource import GUEST, Host


@dataclass(frozen=True)
class Guests:
    """Grows while declarations are expanded, those that are hosts before all others."""

    by_name: dict[str, Host] = field(default_factory=dict)
    conditions: dict[str, Json] = field(default_factory=dict)
    """Guest → the condition of its resource, where facts decide about it."""
    _by_base: dict[str, list[str]] = field(default_factory=dict)

    def declare(self, base: str) -> None:
        """`kind.name` of something that is a host, whether or not there will be an instance of it."""
        self._by_base.setdefault(base, [])

    def add(self, instance: Instance) -> None:
        """The host that `instance` is."""
        name = instance.address
        self.by_name[name] = Host(name, GUEST, labels=dict(instance.meta.labels))
        self._by_base[instance.declaration.base].append(name)
        if instance.when is not None:
            self.conditions[name] = instance.when

    def of(self, base: str) -> Sequence[str] | None:
        """The names of the guests declared as `base`; None where that is no host."""
        return self._by_base.get(base)


def base_of(text: str) -> str:
    """`kind.name` of what looks like the address of a resource, else nothing."""
    found = parse_address(text)
    return "" if found is None else f"{found.kind}.{found.name}"


def in_order(declarations: Iterable[Declaration], diagnostics: Diagnostics) -> Sequence[Declaration]:
    """Those that are hosts first, each before what stands on it; all else by name."""
    left = sorted(declarations, key=lambda item: (item.kind.channel is None, item.base))
    guests = {item.base: item for item in left if item.kind.channel is not None}
    if not guests:
        return left
    found: dict[str, Declaration] = {}
    for item in guests.values():
        _visit(item, guests, found, (), diagnostics)
    return [*found.values(), *(item for item in left if item.base not in guests)]


def _visit(
    item: Declaration,
    guests: Mapping[str, Declaration],
    found: dict[str, Declaration],
    path: tuple[str, ...],
    diagnostics: Diagnostics,
) -> None:
    if item.base in path:
        why = f"These stand within each other: {' in '.join((*path, item.base))}."
        Mistake("AIVP0220", why, "Let one of them stand on a host of its own.", "host").report(diagnostics, item)
    elif item.base not in found:
        for name in _named(item.body.get("host")):
            if name in guests:
                _visit(guests[name], guests, found, (*path, item.base), diagnostics)
        found.setdefault(item.base, item)


def _named(wanted: Json) -> list[str]:
    listed = wanted if isinstance(wanted, list) else [wanted]
    return [base_of(item) for item in listed if isinstance(item, str)]
