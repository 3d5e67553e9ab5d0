"""Checks of the methods that come with a capability: list and upgrade."""

from __future__ import annotations

from typing import Any

from aivp_conformance.broken import Broken, NotChecked, short
from aivp_conformance.cases import filled
from aivp_conformance.compare import canonical
from aivp_conformance.session import Session
from aivp_conformance.things import Thing, bring, changes_of, look, make
from aivp_conformance.world import Subject, World

from .check import check


@check("list", each_kind=True, needs=("create",))
def listed(subject: Subject) -> str | None:
    """List names everything of a kind that exists, by identity, with attributes that plan to nothing: no computed
    or sensitive field, nothing at its default (section 8). What is discovered must not change anything when it
    is declared.
    """
    with subject.world() as world:
        session = with_capability(world, "list")
        subject.need_case()
        things = [made.thing for made in bring(session, world.things(4 if subject.can_have_many() else 1))]
        within = filled(subject.case.within, world.words)
        if not within and subject.kind.form.get("within", {}).get("required"):
            raise NotChecked("list needs to be told where to look: the case has no `within`")
        params = {"kind": subject.kind.name, **({"within": within} if within else {})}
        items = session.result("list", params)["items"]
        found = {canonical(item["identity"]): item for item in items}
        ids = [item["id"] for item in items]
        if len(set(ids)) != len(ids) or len(found) != len(items):
            raise Broken("", "an id or identity is listed twice", items)
        for thing in things:
            if canonical(thing.identity) not in found:
                raise Broken("", f"it was created, and is not listed: {short(thing.identity)}", items)
        orders = [[text(item["identity"].get(name)) for name in subject.kind.identity] for item in items]
        if orders != sorted(orders):
            raise Broken("", "what is listed is not in the order of its identity", [item["identity"] for item in items])
        for item in items:
            plans_to_nothing(subject, session, item)
    return None


def plans_to_nothing(subject: Subject, session: Session, item: dict[str, Any]) -> None:
    """Raises Broken where a listed thing, declared as it is listed, would change."""
    for name, value in sorted(item["attributes"].items()):
        meaning = subject.kind.fields.get(name)
        if meaning is None or meaning.has("computed") or meaning.has("sensitive"):
            raise Broken("", f"attributes have {name}, which is computed, sensitive, or no field", item)
        if (
            "default" in meaning.schema
            and canonical(value) == canonical(meaning.schema["default"])
            and name not in subject.kind.identity
        ):
            raise Broken("", f"attributes have {name} at its default", item)
    thing = Thing(subject.kind, item["attributes"], item["identity"])
    seen = look(session, thing)
    if seen["observed"] is None:
        raise Broken("", "a listed thing is not there when it is observed", item)
    for change in changes_of(thing, seen):
        raise Broken(
            "", f"a listed thing would change when it is declared: {change.path}", {"listed": item, "seen": seen}
        )


@check("upgrade", each_kind=True, needs=("create",))
def upgrade(subject: Subject) -> str | None:
    """Upgrade rewrites attributes of an older schema_version, keeps today's as they are, and looks at nothing
    (section 9).
    """
    with subject.world() as world:
        session = with_capability(world, "upgrade")
        version = subject.kind.form.get("schema_version", 1)
        cases = [world.fill(case) for case in subject.case.upgrade]
        asked = [(case["version"], case["attributes"], case["becomes"]) for case in cases]
        if subject.case.create:
            today = make(session, world.thing()).thing.prior
            asked.append((version, today, today))
        items = [
            {"id": f"old.{number}", "kind": subject.kind.name, "version": old, "attributes": attributes}
            for number, (old, attributes, _) in enumerate(asked)
        ]
        answers = session.result("upgrade", {"items": items})["items"]
        for item, answer, (old, _, becomes) in zip(items, answers, asked, strict=True):
            if canonical(answer.get("attributes")) != canonical(becomes):
                raise Broken(
                    "", f"attributes of schema_version {old} became {short(answer)}, not {short(becomes)}", item
                )
    return None if subject.case.upgrade else "attributes of older versions: the case has no `upgrade`"


def with_capability(world: World, name: str) -> Session:
    """A session with a provider that has it; raises NotChecked for others, whose method must be unknown."""
    session = world.start()
    capabilities = session.result("initialize", world.greeting())["capabilities"]
    if not capabilities.get(name):
        raise NotChecked(f"the provider has no capability {name}")
    return session


def text(value: Any) -> Any:
    """What is sorted: text as it is, all else as its JSON."""
    return (0, value) if isinstance(value, str) else (1, canonical(value))
