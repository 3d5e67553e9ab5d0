"""Checks of changes to what is there: the fields that differ come true, and the others stay as they are."""

from __future__ import annotations

from typing import Any

from aivp_conformance.broken import Broken, NotChecked, short
from aivp_conformance.compare import canonical
from aivp_conformance.things import Order, Thing, applied, apply, changes_of, converged, look, make, observe
from aivp_conformance.world import Subject

from .check import check


@check("update", each_kind=True, needs=("create",))
def update(subject: Subject) -> str | None:
    """An update brings the fields in `changes` to what is declared, each that can change (section 7)."""
    subject.need_case()
    if not subject.case.update:
        raise NotChecked("no case: no `update`")
    fixed = {*subject.kind.identity, *subject.kind.named("immutable"), *subject.kind.named("computed")}
    for fields in mutable(subject):
        with subject.world() as world:
            session = world.open()
            made = make(session, world.thing())
            wanted = without(world.fill(fields), made.thing)
            changed = made.thing.with_fields(wanted)
            seen = look(session, changed)
            found = {change.path.split("/")[1] for change in changes_of(changed, seen)}
            missing = [n for n in sorted(set(wanted) - found) if n not in subject.kind.named("write_only")]
            if missing and canonical(wanted[missing[0]]) != canonical(made.thing.config.get(missing[0])):
                raise Broken("", f"the case's update of {missing[0]} shows no difference", seen)
            make(session, changed)
    left = sorted(set(subject.kind.fields) - fixed - {name for fields in subject.case.update for name in fields})
    return f"an update of {', '.join(left)}: not in the case" if left else None


@check("unasked", each_kind=True, needs=("create", "update"))
def unasked(subject: Subject) -> str | None:
    """Fields that are not declared, or have no change, stay as they are (sections 6 and 7): a plan that names one
    field changes one.
    """
    subject.need_case()
    updates = [fields for fields in mutable(subject) if len(fields) == 1]
    if not updates:
        raise NotChecked("no case: no `update` of one field")
    for fields in updates:
        with subject.world() as world:
            session = world.open()
            thing = make(session, world.thing()).thing
            before = look(session, thing)["observed"] or {}
            required = subject.kind.form["schema"].get("required", ())
            kept = {
                name: value for name, value in thing.config.items() if name in subject.kind.identity or name in required
            }
            alone = thing.but(config={**kept, **world.fill(fields)})
            make(session, alone)
            after = look(session, thing)["observed"] or {}
            for name in sorted(set(before) - set(subject.kind.named("computed")) - set(fields)):
                # A verdict is about what is declared, and this is what was declared before.
                if canonical(before[name]) != canonical(after.get(name)):
                    raise Broken(
                        "",
                        f"an update of {', '.join(fields)} alone changed {name} from {short(before[name], 100)}",
                        after,
                    )
    return None


@check("immutable", each_kind=True, needs=("create", "delete"))
def immutable(subject: Subject) -> str | None:
    """A changed immutable field shows as a difference, and a replacement, sent as delete and create, brings it
    about (sections 3 and 7): a provider that hid the difference would leave the old thing for ever.
    """
    subject.need_case()
    names = sorted(
        set(subject.kind.named("immutable")) - set(subject.kind.identity) - set(subject.kind.named("computed"))
    )
    if not names:
        raise NotChecked("no immutable field beside the identity")
    updates = [fields for fields in subject.case.update if set(fields) & set(names)]
    for fields in updates:
        with subject.world() as world:
            session = world.open()
            made = make(session, world.thing())
            changed = made.thing.with_fields(world.fill(fields))
            item = observe(session, [changed])[0]
            if "observation" not in item:
                continue  # refused, which is as good
            found = {change.path.split("/")[1] for change in changes_of(changed, item["observation"])}
            for name in sorted(set(fields) & set(names) - found):
                raise Broken("", f"a changed {name}, which is immutable, shows no difference", item)
            orders = [
                Order(made.thing, "delete", item["observation"]),
                Order(changed.but(prior=None), "create", {"observed": None}),
            ]
            outputs = [answer.get("outputs") for answer in apply(session, orders)]
            if None in outputs:
                raise Broken("", "a replacement was refused", item)
            changed = applied(changed, item["observation"], outputs[1])
            converged(changed, look(session, changed))
    left = sorted(set(names) - {name for fields in updates for name in fields})
    return f"a change of {', '.join(left)}: not in the case" if left else None


def mutable(subject: Subject) -> list[dict[str, Any]]:
    """The case's updates that no replacement is needed for."""
    fixed = set(subject.kind.named("immutable")) - set(subject.kind.identity)
    return [dict(fields) for fields in subject.case.update if not set(fields) & fixed]


def without(fields: dict[str, Any], thing: Thing) -> dict[str, Any]:
    """An update may say the identity again; {name} is another one by now."""
    return {name: value for name, value in fields.items() if name not in thing.kind.identity}
