"""The checks that all others stand on: the manifest, and an ordinary conversation held to every rule of messages.

The conversation is had once; the first rule that it breaks is the one that fails, and nothing after it is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from aivp_conformance.broken import Broken, short
from aivp_conformance.compare import tag
from aivp_conformance.manifest import Kind, examine
from aivp_conformance.schemas import complaint
from aivp_conformance.session import Session
from aivp_conformance.things import Order, Thing, applied, decide, observe, request
from aivp_conformance.world import Subject, World

# In the order in which they can be judged: each says what breaking it means, and where that is written.
RULES: Mapping[str, str] = {
    "stdout": "stdout belongs to the protocol: nothing else is on it, and no line is longer than 4 MiB (sections 1 "
    "and 2).",
    "answers": "Each request is answered once, in time, with its id, and the process lives on (section 2).",
    "messages": "Every message is valid under the published schemas (section 2).",
    "notifications": "progress and log come only for a caller that named the capability, are valid, and are about the "
    "request in hand (sections 5 and 11).",
    "items": "An answer holds exactly one item for each of the request, with its id, in the order of the request "
    "(section 2).",
    "handshake": "initialize is answered, and names provider, version and kinds of the manifest: the caller refuses a "
    "program that is not the one it planned with (section 5).",
    "fields": "Answers name fields of the schema only, with values that it admits: computed ones in their place, "
    "declared ones in `normalised`; each computed field is promised or seen, and put out (sections 6 and 7).",
}


def conversation(subject: Subject) -> Broken | None:
    """An ordinary session with every kind: what it broke first. Raises NotChecked where the case cannot be set up."""
    for kind in subject.manifest.kinds.values():
        about = Subject(subject.manifest, subject.cases, subject.argv, kind, subject.options)
        for shown in ((), ("progress", "log")):
            try:
                with about.world() as world:
                    talk(about, world, shown)
            except Broken as broken:
                return broken
    return None


def talk(subject: Subject, world: World, shown: tuple[str, ...]) -> None:
    """Look, make, look, list, take away, and part."""
    session = world.start()
    session.shown = frozenset(shown)
    greeted(subject, session.ask("initialize", world.greeting(shown)))
    things = world.things(3 if subject.can_have_many() else 1)
    before = judged(subject.kind, observe(session, things), things)
    if subject.case.create:
        orders = [decide(thing, seen) if seen else None for thing, seen in zip(things, before, strict=True)]
        outputs = done(subject, session, [order for order in orders if order is not None])
        things = [applied(t, b, outputs.get(t)) if b else t for t, b in zip(things, before, strict=True)]
        after = judged(subject.kind, observe(session, things), things)
        if subject.kind.flag("deletable", True):
            gone = [
                Order(t, "delete", a) for t, a in zip(things, after, strict=True) if a and a["observed"] is not None
            ]
            done(subject, session, gone)
    session.result("shutdown", {})
    session.finish()


def greeted(subject: Subject, answer: Any) -> None:
    """The answer to initialize, against the manifest."""
    if answer.error is not None:
        raise Broken("handshake", "initialize was refused", answer.error)
    manifest, result = subject.manifest.form, answer.result
    kinds = {name: kind.form.get("schema_version", 1) for name, kind in subject.manifest.kinds.items()}
    found = {
        "provider": {name: result["provider"][name] for name in ("name", "version")},
        "kinds": result["kinds"],
        "major version": result["protocol"]["major"],
    }
    wanted = {"provider": {name: manifest[name] for name in ("name", "version")}, "kinds": kinds, "major version": 1}
    for name, value in wanted.items():
        if found[name] != value:
            raise Broken("handshake", f"the {name} is not that of the manifest: {short(value)}", result)


def judged(kind: Kind, items: list[dict[str, Any]], things: list[Thing]) -> list[dict[str, Any] | None]:
    """The observations, held to the manifest; None for errors."""
    for thing, item in zip(things, items, strict=True):
        if "observation" in item:
            fields_of(kind, item["observation"], was_applied=thing.prior is not None)
    return [item.get("observation") for item in items]


def fields_of(kind: Kind, seen: Mapping[str, Any], *, was_applied: bool = False) -> None:
    """Raises Broken for names and values that the manifest does not admit."""
    computed = set(kind.named("computed"))
    places = (
        ("observed", seen["observed"] or {}, set(kind.fields)),
        ("normalised", seen.get("normalised", {}), set(kind.fields) - computed),
        ("computed", seen.get("computed", {}), computed),
        ("replace", dict.fromkeys(seen.get("replace", ())), set(kind.fields)),
    )
    for name, values, admitted in places:
        for alien in sorted(set(values) - admitted):
            why = "is no field of the schema" if alien not in kind.fields else f"has no place in `{name}`"
            raise Broken("fields", f"`{name}` has {alien}, which {why}", seen)
    for name, values, _ in places[:3]:
        for field, value in sorted(values.items()):
            admits(kind, name, field, value, seen)
    if kind.form.get("existence") == "recorded" and was_applied:
        return  # only state knows what it put out
    for missing in sorted(computed - set(seen.get("computed", {})) - set(seen["observed"] or {})):
        raise Broken("fields", f"the computed field {missing} is neither promised nor seen", seen)


def admits(kind: Kind, place: str, field: str, value: Any, shown: Any) -> None:
    """Is the value of the field's schema? Tagged values are no values yet."""
    if value is None or holds_tag(value):
        return
    wrong = complaint(Draft202012Validator(dict(kind.fields[field].schema)), value)
    if wrong is not None:
        raise Broken("fields", f"`{place}` has a value that the schema of {field} does not admit: {wrong}", shown)


def holds_tag(value: Any) -> bool:
    """Is it, or does it hold, a tagged value?"""
    if isinstance(value, dict):
        return tag(value) is not None or any(holds_tag(inner) for inner in value.values())
    return isinstance(value, list) and any(holds_tag(inner) for inner in value)


class Outputs(dict[int, Any]):
    """Outputs by thing."""

    def get(self, thing: Any, default: Any = None) -> Any:
        return super().get(id(thing), default)


def done(subject: Subject, session: Session, orders: list[Order]) -> Outputs:
    """Act; outputs held to the manifest."""
    kind, found = subject.kind, Outputs()
    size = len(orders) if kind.flag("batch") else 1
    for start in range(0, len(orders), size or 1):
        part = orders[start : start + size]
        params = request(part, f"conversation/{start}/{part[0].action}")
        for order, item in zip(part, session.result("apply", params)["items"], strict=True):
            outputs = item.get("outputs")
            if outputs is None:
                continue
            found[id(order.thing)] = outputs
            for alien in sorted(set(outputs) - set(kind.named("computed")) - set(kind.identity)):
                raise Broken("fields", f"`outputs` has {alien}, which is no computed field", item)
            for name, value in sorted(outputs.items()):
                admits(kind, "outputs", name, value, item)
            missing = sorted(set(kind.named("computed")) - set(outputs))
            if missing and order.action != "delete":
                raise Broken("fields", f"`outputs` has no {missing[0]}, which is computed", item)
    return found


def manifest(subject: Subject) -> None:
    """The manifest is valid under its schema, and its words name fields that are there: all planning rests on it
    (section 3).
    """
    examine(subject.manifest)
