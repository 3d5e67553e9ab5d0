"""A reference to resources → the instances that it means, seen from the resource that holds it."""

from __future__ import annotations

from collections.abc import Sequence

from aivp.compile.instance import Expanded, Instance
from aivp.compile.mistake import Mistake, Reported
from aivp.compile.syntax import EVERY, ResourceRef, format_target
from aivp.plugins.suggestion import did_you_mean, listing


class Targets:
    """The instances of a project, to be found by reference."""

    def __init__(self, expanded: Expanded) -> None:
        self._expanded = expanded
        known = [item for item in expanded.instances.values() if not item.declaration.is_broken]
        self._by_place = {(item.declaration.base, item.key, item.place): item for item in known}
        self._by_base: dict[str, list[Instance]] = {}
        for item in known:
            self._by_base.setdefault(item.declaration.base, []).append(item)

    def find(self, reference: ResourceRef, owner: Instance) -> list[Instance]:
        """The instances meant: exactly one, or for a list all of them, sorted. Raises Mistake."""
        base = f"{reference.kind}.{reference.name}"
        if base in self._expanded.broken:
            raise Reported
        if (quick := self._quick(base, reference, owner)) is not None:
            return [quick]
        if base not in self._expanded.declared:
            mend = did_you_mean(base, self._expanded.declared)
            raise Mistake("AIVP0203", f"{owner.address} refers to {base}, which is not declared.", mend)
        every = self._by_base.get(base, [])
        if owner.declaration.is_broken:  # on which hosts, with which keys, nobody can say
            if len(every) != 1:
                raise Reported
            return every
        found = self._on_host(reference, owner, self._with_key(reference, owner, every))
        if reference.is_list:
            return sorted(found, key=_in_order)
        if not found:
            raise self._missing(reference, every)
        if len(found) > 1:
            raise _ambiguous(reference, found)
        return found

    def find_or_none(self, reference: ResourceRef, owner: Instance) -> list[Instance]:
        """The same, but empty for what `when` left out: order to what is not declared here vanishes."""
        try:
            return self.find(reference, owner)
        except _LeftOut:
            return []

    def _quick(self, base: str, reference: ResourceRef, owner: Instance) -> Instance | None:
        if reference.host is not None or reference.key is EVERY:
            return None
        if type(reference.key) is str:
            return self._by_place.get((base, reference.key, owner.place))
        own = self._by_place.get((base, owner.key, owner.place)) if owner.key is not None else None
        return own or self._by_place.get((base, None, owner.place))

    def _with_key(self, reference: ResourceRef, owner: Instance, found: list[Instance]) -> list[Instance]:
        if reference.key is EVERY:
            return found
        if reference.key is not None:
            return [item for item in found if item.key == reference.key]
        mine = [item for item in found if item.key == owner.key]
        return mine or found

    def _on_host(self, reference: ResourceRef, owner: Instance, found: list[Instance]) -> list[Instance]:
        if reference.host is EVERY:
            return found
        if reference.host is not None:
            return [item for item in found if item.place == reference.host]
        here = [item for item in found if item.place == owner.place]
        if reference.is_list and not here and len({item.place for item in found}) > 1:
            raise _ambiguous(reference, found)
        return here or found

    def _missing(self, reference: ResourceRef, every: Sequence[Instance]) -> Mistake:
        base = f"{reference.kind}.{reference.name}"
        for (name, key, place), reason in sorted(self._expanded.left_out.items(), key=str):
            if name == base and reference.key in (None, key) and reference.host in (None, place):
                return _LeftOut("AIVP0216", f"{format_target(base, key)}@{place} is not declared here: {reason}.")
        if not every:
            return _LeftOut("AIVP0216", f"{base} has no instance: its for_each or its host is empty.")
        mend = did_you_mean(str(reference), [item.address for item in every])
        why = f"{reference} is none of the instances of {base}."
        return Mistake("AIVP0203", why, mend or f"There are: {_listed(every)}.")


class _LeftOut(Mistake):
    """The target was declared, but not here."""


def _ambiguous(reference: ResourceRef, found: Sequence[Instance]) -> Mistake:
    why = f"{reference} may mean {len(found)} resources: {_listed(found)}."
    return Mistake("AIVP0215", why, "Name one with its key and host, or all with [*] or @* as a whole value.")


def _listed(found: Sequence[Instance]) -> str:
    return listing([item.address for item in found])


def _in_order(item: Instance) -> tuple[int, str, str]:
    """By address, keys that are numbers as numbers."""
    key = item.key or ""
    return (int(key) if key.isascii() and key.isdigit() and len(key) < 16 else 10**16, key, item.place)
