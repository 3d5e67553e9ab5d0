"""Declared resources and manifests → what is wanted of each host: every need once, with the kinds that have it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aivp_contract.manifest import Kind
from aivp_contract.needs import Need
from aivp_contract.values import Json

from aivp.model.expression import EXPRESSIONS

Settings = Mapping[str, Mapping[str, Json]]
"""Provider → what people set for it."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A resource of a kind, or None for `attributes` where only the kind is asked about. is_new: state does not know
    it yet.
    """

    kind: str
    attributes: Mapping[str, Json] | None = None
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class Want:
    """A need on one host. folder: where the provider keeps its things, as it was set; empty: where the runner does."""

    need: Need
    kinds: Sequence[str] = ()
    bytes: int = 0
    folder: str = ""
    whys: Sequence[str] = field(default_factory=tuple)
    provider: str = ""

    @property
    def name(self) -> str:
        """As people read it."""
        match self.need.subject:
            case "disk":
                return f"room in {self.folder}" if self.folder else "room"
            case "kernel":
                return f"kernel {self.need.least}"
            case subject:
                return f"{subject} {' or '.join(self.need.names)}".replace("_", " ", subject == "privilege")

    def form(self) -> dict[str, Json]:
        """As the runner is asked for it."""
        need = self.need
        return {
            "subject": need.subject,
            "names": list(need.names),
            "least": need.least,
            "config": need.config,
            "verdict": dict(need.verdict),
            "provider": self.provider,
            "folder": self.folder,
        }


def wants(things: Iterable[Thing], kinds: Mapping[str, Kind], settings: Settings, *, is_root: bool) -> list[Want]:
    """Sorted by what they are about. is_root: as whom aivp works on the host."""
    by_kind: dict[str, list[Thing]] = {}
    for thing in things:
        by_kind.setdefault(thing.kind, []).append(thing)
    found: dict[tuple[str, ...], Want] = {}
    for name in sorted(by_kind.keys() & kinds.keys()):
        kind = kinds[name]
        for each in kind.needs:
            concerned = [thing for thing in by_kind[name] if _concerns(each, kind, thing)]
            is_said = _applies(each, kind, {}) or any(thing.attributes is not None for thing in concerned)
            need = each if is_said else replace(each, optional=True)
            if concerned and need.as_ in ("", "root" if is_root else "user"):
                want = _want(need, kind, concerned, settings.get(kind.provider, {}))
                key = (need.subject, *need.names, want.folder)
                found[key] = _both(found[key], want) if key in found else want
    return [found[key] for key in sorted(found)]


def _concerns(need: Need, kind: Kind, thing: Thing) -> bool:
    """True also where a value that decides is not known yet."""
    return thing.attributes is None or _applies(need, kind, thing.attributes)


def _applies(need: Need, kind: Kind, given: Mapping[str, Json]) -> bool:
    for name, admitted in need.when.items():
        value = given.get(name, kind.fields[name].default)
        if not isinstance(value, EXPRESSIONS) and value not in admitted:
            return False
    return not need.set or any(given.get(name) not in (None, kind.fields[name].default) for name in need.set)


def _want(need: Need, kind: Kind, things: Collection[Thing], settings: Mapping[str, Json]) -> Want:
    folder = settings.get(need.within) if need.within else None
    place = folder if type(folder) is str else ""
    if need.subject != "disk":
        return Want(need, (kind.name,), folder=place, whys=(need.why,), provider=kind.provider)
    sizes = [(thing.attributes or {}).get(need.field) for thing in things if thing.is_new] if need.field else []
    bytes_ = int(need.least) + sum(size for size in sizes if type(size) is int)
    return Want(need, (kind.name,), bytes_, place, (need.why,), kind.provider)


def _both(one: Want, other: Want) -> Want:
    """One want for two kinds: dispensable where it is so for both of them."""
    need = replace(
        one.need,
        optional=one.need.optional and other.need.optional,
        package={**other.need.package, **one.need.package},
        mend=one.need.mend or other.need.mend,
        verdict=one.need.verdict or other.need.verdict,
    )
    kinds = tuple(dict.fromkeys((*one.kinds, *other.kinds)))
    whys = tuple(dict.fromkeys((*one.whys, *other.whys)))
    return replace(one, need=need, kinds=kinds, bytes=one.bytes + other.bytes, whys=whys)
