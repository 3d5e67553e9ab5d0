"""What a caller does with things: asks what is there, decides, acts, asks again (docs/protocol/v1.md, sections 6
and 7).
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .broken import Broken, short
from .compare import UNKNOWN, Change, differences, tag
from .manifest import Kind
from .session import Session


@dataclass(frozen=True)
class Thing:
    """One declared thing: what a caller knows of it."""

    kind: Kind
    config: Mapping[str, Any]
    identity: Mapping[str, Any]
    prior: Mapping[str, Any] | None = None
    tainted: tuple[str, ...] = ()

    @classmethod
    def declared(cls, kind: Kind, config: Mapping[str, Any]) -> Thing:
        return cls(kind, config, {name: config[name] for name in kind.identity if name in config})

    def item(self, number: int | str = 0) -> dict[str, Any]:
        """As an item of observe."""
        found: dict[str, Any] = {"id": f"thing.{number}", "kind": self.kind.name, "config": self.config}
        if self.identity:
            found["identity"] = self.identity
        if self.prior is not None:
            found["prior"] = self.prior
        if self.tainted:
            found["tainted"] = list(self.tainted)
        return found

    def but(self, **changes: Any) -> Thing:
        return dataclasses.replace(self, **changes)

    def with_fields(self, fields: Mapping[str, Any]) -> Thing:
        return self.but(config={**self.config, **fields})


@dataclass(frozen=True)
class Order:
    """One item of apply."""

    thing: Thing
    action: str
    seen: Mapping[str, Any]
    changes: Sequence[Change] = ()

    def item(self, number: int | str = 0) -> dict[str, Any]:
        changes = [change.form() for change in self.changes]
        return {**self.thing.item(number), "action": self.action, "seen": self.seen, "changes": changes}


@dataclass(frozen=True)
class Done:
    """What became of one thing: observed, acted on, observed again. `outputs` is None where nothing had to be done."""

    thing: Thing
    before: Mapping[str, Any]
    outputs: Mapping[str, Any] | None
    after: Mapping[str, Any]


def observe(session: Session, things: Sequence[Thing]) -> list[dict[str, Any]]:
    """Items of the answer, each with an observation or an error."""
    params = {"items": [thing.item(number) for number, thing in enumerate(things)]}
    items: list[dict[str, Any]] = session.result("observe", params)["items"]
    return items


def look(session: Session, thing: Thing) -> dict[str, Any]:
    """The observation of one thing that must be there to look at."""
    return need(observe(session, [thing])[0], "observation", thing)


def apply(session: Session, orders: Sequence[Order], key: str | None = None) -> list[dict[str, Any]]:
    """Items of the answer, each with outputs or an error. Kinds without batch get a request for each."""
    if not orders:
        return []
    parts = [orders] if orders[0].thing.kind.flag("batch") else [[order] for order in orders]
    found = []
    for number, part in enumerate(parts):
        found += session.result("apply", request(part, f"{key or new_key()}/{number}"))["items"]
    return found


def request(orders: Sequence[Order], key: str) -> dict[str, Any]:
    """Parameters of apply."""
    return {"key": key, "items": [order.item(number) for number, order in enumerate(orders)]}


def act(session: Session, order: Order, key: str | None = None) -> Mapping[str, Any]:
    """The outputs of one order that must succeed."""
    return need(apply(session, [order], key)[0], "outputs", order.thing)


def bring(session: Session, things: Sequence[Thing]) -> list[Done]:
    """Make them as declared, as a caller does; whatever is not so then is Broken."""
    before = [need(item, "observation", thing) for item, thing in zip(observe(session, things), things, strict=True)]
    decided = [decide(thing, seen) for thing, seen in zip(things, before, strict=True)]
    answers = iter(apply(session, [order for order in decided if order is not None]))
    outputs = [None if o is None else need(next(answers), "outputs", o.thing) for o in decided]
    things = [applied(*each) for each in zip(things, before, outputs, strict=True)]
    after = [need(item, "observation", thing) for item, thing in zip(observe(session, things), things, strict=True)]
    for thing, seen in zip(things, after, strict=True):
        converged(thing, seen)
    return [Done(*each) for each in zip(things, before, outputs, after, strict=True)]


def make(session: Session, thing: Thing) -> Done:
    """Of one thing."""
    return bring(session, [thing])[0]


def decide(thing: Thing, seen: Mapping[str, Any]) -> Order | None:
    """What a plan would do, None for nothing. Never a replacement: checks that want one ask for it."""
    if seen.get("satisfied") is True:
        return None
    if not exists(thing, seen):
        if shall_be_gone(thing):
            return None
        changes = [Change("add", f"/{name}", after=value) for name, value in sorted(wanted(thing, seen).items())]
        return Order(thing, "create", seen, changes)
    changes = changes_of(thing, seen)
    return Order(thing, "update", seen, changes) if changes or seen.get("satisfied") is False else None


def shall_be_gone(thing: Thing) -> bool:
    """Does the declaration itself say so (section 6)?"""
    return thing.config.get("state") in ("absent", "purged")


def exists(thing: Thing, seen: Mapping[str, Any]) -> bool:
    """Is it there, for all that the caller knows?"""
    if thing.kind.form.get("existence") == "recorded":
        return thing.prior is not None
    return seen["observed"] is not None


def wanted(thing: Thing, seen: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is compared: normalised, or the declaration."""
    found: Mapping[str, Any] = seen.get("normalised", thing.config)
    return {name: value for name, value in found.items() if value is not None}


def changes_of(thing: Thing, seen: Mapping[str, Any]) -> list[Change]:
    """What differs from the declaration."""
    return differences(thing.kind, wanted(thing, seen), seen["observed"] or {}, thing.prior)


def applied(thing: Thing, seen: Mapping[str, Any], outputs: Mapping[str, Any] | None) -> Thing:
    """What a caller knows of it after an apply."""
    assigned = {name: (outputs or {}).get(name, thing.identity.get(name)) for name in thing.kind.identity}
    identity = {name: value for name, value in assigned.items() if value is not None}
    prior = {name: value for name, value in wanted(thing, seen).items() if not hides(value)}
    return thing.but(identity=identity, prior=prior)


def converged(thing: Thing, seen: Mapping[str, Any]) -> None:
    """Raises Broken where the thing is not as declared."""
    if not exists(thing, seen):
        if shall_be_gone(thing):
            return
        raise Broken("", f"it is not there after an apply with outputs: {name_of(thing)}", seen)
    if seen.get("satisfied") is False:
        raise Broken("", f"`satisfied` is false after an apply with outputs: {name_of(thing)}", seen)
    for change in () if seen.get("satisfied") else changes_of(thing, seen):
        told = f"{change.path} is {short(change.before, 80)}" if change.op != "add" else f"{change.path} is not there"
        if change.op != "remove":
            told += f", declared and normalised was {short(change.after, 80)}"
        raise Broken("", f"after an apply with outputs {told}", seen)


def need(item: Mapping[str, Any], member: str, thing: Thing) -> dict[str, Any]:
    """The member of an answer that must not be an error."""
    if member not in item:
        raise Broken("", f"{name_of(thing)} was answered with an error instead of {member}", item)
    found: dict[str, Any] = item[member]
    return found


def name_of(thing: Thing) -> str:
    """The thing, for people."""
    return f"{thing.kind.name} {short(thing.identity or thing.config, 120)}"


def hides(value: Any) -> bool:
    """Is it, or does it hold, a tagged value that is no plain one?"""
    if tag(value) is not None:
        return tag(value) not in ("bytes", "blob")
    if isinstance(value, dict):
        return any(hides(inner) for inner in value.values())
    return isinstance(value, list) and any(hides(inner) for inner in value)


def is_unknown(value: Any) -> bool:
    """Will only an apply bring it?"""
    return bool(tag(value) == UNKNOWN["$aivp"])


def new_key() -> str:
    """A key that nobody can guess."""
    return secrets.token_hex(16)
