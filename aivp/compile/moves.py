"""`moved`, `import` and `removed` → addresses that exist, or no longer do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aivp_contract.canonical import encode
from aivp_contract.normal import NotNormal, normal
from aivp_contract.values import Json

from aivp.compile.instance import Expanded, Instance
from aivp.compile.mistake import Mistake, Reported
from aivp.compile.scope import Scope
from aivp.compile.shape import flag, mapping, only
from aivp.compile.text import holds_tagged, plain
from aivp.config.project import Declared, Project
from aivp.diagnostics import Diagnostics, Related
from aivp.model.address import Address, format_address, parse_address
from aivp.model.resource import Import, Removed, Resource
from aivp.plugins.suggestion import did_you_mean
from aivp.plugins.validate import Validator


class Moves:
    """Reads the three lists of a project against its instances; mistakes go to `diagnostics`."""

    def __init__(
        self,
        project: Project,
        scope: Scope,
        expanded: Expanded,
        resources: Mapping[str, Resource],
        diagnostics: Diagnostics,
    ) -> None:
        self.project = project
        self.scope = scope
        self.instances = {a: item for a, item in expanded.instances.items() if not item.declaration.is_broken}
        self.broken = expanded.broken
        self.resources = resources
        self.diagnostics = diagnostics
        self._by_base: dict[str, list[Instance]] = {}
        for item in self.instances.values():
            self._by_base.setdefault(item.declaration.base, []).append(item)

    def moved(self) -> dict[str, str]:
        """Old address → new address, sorted."""
        found: dict[str, tuple[str, Declared]] = {}
        for declared, raw in self._entries(self.project.moved, "moved", ("from", "to")):
            try:
                for old, new in self._pairs(raw):
                    _refuse_second_move(old, found)
                    found[old] = (new, declared)
            except Mistake as mistake:
                mistake.report(self.diagnostics, declared)
        return {old: new for old, (new, _) in sorted(found.items())}

    def imports(self) -> list[Import]:
        """Bindings of real things to addresses, sorted."""
        found: dict[str, Import] = {}
        for declared, raw in self._entries(self.project.imports, "import", ("address", "identity")):
            try:
                item = self._import(raw)
                _refuse_second(item.address, found, "AIVP0224", "imported")
                found[item.address] = item
            except Mistake as mistake:
                mistake.report(self.diagnostics, declared)
        return [found[address] for address in sorted(found)]

    def removed(self) -> list[Removed]:
        """What is gone on purpose, sorted. An address without host or key means every one."""
        found: dict[str, Removed] = {}
        for declared, raw in self._entries(self.project.removed, "removed", ("address", "destroy")):
            try:
                item = self._removed(raw)
                _refuse_second(item.address, found, "AIVP0225", "removed")
                found[item.address] = item
            except Mistake as mistake:
                mistake.report(self.diagnostics, declared)
        return [found[address] for address in sorted(found)]

    def _entries(self, listed: Any, word: str, known: tuple[str, ...]) -> Iterator[tuple[Declared, dict[str, Any]]]:
        for declared in listed:
            try:
                raw = mapping(plain(declared.value, self.scope), f"an entry of {word}")
                only(raw, known, f"an entry of {word}")
            except Mistake as mistake:
                mistake.report(self.diagnostics, declared)
            else:
                yield declared, raw

    def _pairs(self, raw: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
        """Every old address with its new one; what `to` leaves out, key or host, is kept where `from` does, too."""
        old, new = (_address(raw, word, "AIVP0223") for word in ("from", "to"))
        targets = self._matching(new)
        if new.host is None and old.host is not None:
            targets = [item for item in targets if item.place == old.host] or targets
        if not targets:
            mend = did_you_mean(str(new), [*self.instances, *self._by_base])
            raise Mistake("AIVP0223", f"{new} is not declared, so nothing can move there.", mend, "to")
        for target in targets:
            key = target.key if old.key is None and new.key is None else old.key
            place = target.place if old.host is None else old.host
            source = format_address(old.kind, old.name, key, place)
            if source in self.instances:
                raise Mistake("AIVP0223", f"{source} is still declared, so it cannot move.", "", "from")
            if old.kind != new.kind:
                raise Mistake("AIVP0223", f"{source} cannot become a {new.kind}.", "A move keeps the kind.", "to")
            if place != target.place:
                why = f"{source} cannot move to {target.place}: what stands on one host is no other host's."
                mend = (
                    f"Let the new declaration make it on {target.place}, and say what becomes of the old one: "
                    f"removed: [{{address: {source}, destroy: true}}], or without destroy to leave it there."
                )
                raise Mistake("AIVP0223", why, mend, "to")
            yield source, target.address

    def _removed(self, raw: Mapping[str, Json]) -> Removed:
        address = _address(raw, "address", "AIVP0225")
        if still := self._matching(address):
            why = f"{still[0].address} is declared, so it is not removed."
            raise Mistake("AIVP0225", why, "Remove one of the two.", "address")
        return Removed(str(address), flag(raw.get("destroy", False), "destroy", "destroy"))

    def _matching(self, address: Address) -> list[Instance]:
        base = f"{address.kind}.{address.name}"
        if base in self.broken:
            raise Reported
        found = self._by_base.get(base, [])
        if address.key is not None:
            found = [item for item in found if item.key == address.key]
        return [item for item in found if address.host in (None, item.place)]

    def _import(self, raw: Mapping[str, Json]) -> Import:
        address = _address(raw, "address", "AIVP0224")
        targets = self._matching(address)
        if not targets:
            mend = did_you_mean(str(address), [*self.instances, *self._by_base])
            raise Mistake("AIVP0224", f"{address} is not declared, so nothing can be bound to it.", mend, "address")
        if len(targets) > 1:
            why = f"{address} may mean {len(targets)} resources."
            raise Mistake("AIVP0224", why, f"Write it in full, such as {targets[0].address}.", "address")
        target = targets[0]
        identity = self._identity(raw.get("identity"), target)
        self._refuse_other(identity, target)
        return Import(target.address, identity)

    def _identity(self, value: Json, target: Instance) -> dict[str, Json]:
        kind = target.declaration.kind
        names = ", ".join(kind.identity)
        if type(value) in (str, int) and len(kind.identity) == 1:
            value = {kind.identity[0]: value}
        if type(value) is not dict or set(value) != set(kind.identity):
            raise Mistake("AIVP0224", f"identity of a {kind.name} is a mapping with {names}.", "", "identity")
        for item in Validator().check(kind, value):
            if item.path and item.path[0] in kind.identity:
                raise Mistake("AIVP0224", f"identity.{item.path[0]}: {item.message}", item.mend, "identity")
        try:
            return normal(kind.fields, value)
        except NotNormal as error:
            raise Mistake("AIVP0224", f"identity: {error}.", "", "identity") from None

    def _refuse_other(self, identity: Mapping[str, Json], target: Instance) -> None:
        if target.address not in self.resources:
            return  # it has a mistake of its own
        declared = self.resources[target.address].attributes
        for name, item in identity.items():
            other = declared.get(name)
            if other is not None and not holds_tagged(other) and encode(other) != encode(item):
                why = f"{target.address} declares {name} {other}, and the import says {item}."
                raise Mistake("AIVP0224", why, "Let both say the same.", "identity", name)


def _refuse_second_move(old: str, found: Mapping[str, tuple[str, Declared]]) -> None:
    if old in found:
        related = [Related(found[old][1].span(), "it is moved here, too")]
        raise Mistake("AIVP0223", f"{old} is moved twice.", "Remove one of the two.", "from", related=related)


def _refuse_second(address: str, found: Mapping[str, object], code: str, word: str) -> None:
    if address in found:
        raise Mistake(code, f"{address} is {word} twice.", "", "address")


def _address(raw: Mapping[str, Json], word: str, code: str) -> Address:
    text = raw.get(word)
    found = parse_address(text) if type(text) is str else None
    if found is None:
        raise Mistake(code, f"{word} is an address such as file.site@web.", "", word)
    return found
