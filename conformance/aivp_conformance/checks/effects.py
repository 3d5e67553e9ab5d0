"""Checks of apply: what is declared comes true, what was promised holds, and nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aivp_conformance.broken import Broken, NotChecked, short
from aivp_conformance.compare import canonical
from aivp_conformance.snapshot import Entry, lasting, told
from aivp_conformance.things import (
    Done,
    Order,
    Thing,
    act,
    applied,
    apply,
    changes_of,
    converged,
    exists,
    is_unknown,
    look,
    make,
    observe,
)
from aivp_conformance.world import Subject, World

from .check import check


@check("create", each_kind=True)
def create(subject: Subject) -> str | None:
    """After an apply with outputs, observe shows every field as `normalised` promised (sections 6 and 7): what a
    plan says is what happens, and what was said to be done is done.
    """
    subject.need_case()
    for number in range(len(subject.case.create)):
        with subject.world() as world:
            session = world.open()
            thing = world.thing(number)
            seen = look(session, thing)
            if exists(thing, seen) and subject.kind.flag("deletable", True):  # else it may have been there ever
                raise Broken("", "a declaration of the case's `create` is there already", seen)
            made = make(session, thing)
            if canonical(made.before.get("normalised")) != canonical(made.after.get("normalised")):
                raise Broken(
                    "", f"`normalised` was {short(made.before.get('normalised'), 200)} before the apply", made.after
                )
            converged(made.thing, look(world.open(), made.thing))
    return None


@check("computed", each_kind=True, needs=("create", "update"))
def computed(subject: Subject) -> str | None:
    """A computed field that was promised comes true, in `outputs` and in what is observed next; unknown may only
    become known (sections 4 and 6): other resources were planned with the promise.
    """
    subject.need_case()
    names = subject.kind.named("computed")
    updates = mutable(subject)
    for number in range(len(subject.case.create) + len(updates)):
        with subject.world() as world:
            session = world.open()
            if number < len(subject.case.create):
                thing = world.thing(number)
                before = look(session, thing)
            else:
                thing = make(session, world.thing()).thing
                fields = world.fill(updates[number - len(subject.case.create)])
                thing = thing.with_fields(without(fields, thing))
                before = look(session, thing)
            keeps_promises(names, before.get("computed", {}), make(session, thing))
    return None if names else "no computed field"


def keeps_promises(names: tuple[str, ...], promised: Mapping[str, Any], made: Done) -> None:
    """Raises Broken where a computed field came out otherwise, or is not known yet."""
    outputs = made.outputs or {}
    places = {
        "outputs": outputs,
        "observed": made.after["observed"] or {},
        "computed": made.after.get("computed", {}),
    }
    for place, found in places.items():
        for name in sorted(set(names) & set(found)):
            told = f"`{place}` says {short(found[name])}"
            if is_unknown(found[name]):
                raise Broken("", f"{name} is still unknown after an apply: {told}", made.after)
            if (
                name in promised
                and not is_unknown(promised[name])
                and canonical(found[name]) != canonical(promised[name])
            ):
                raise Broken("", f"{name} was promised as {short(promised[name])}, {told}", made.after)
            if name in outputs and canonical(found[name]) != canonical(outputs[name]):
                raise Broken("", f"`outputs` had {name} as {short(outputs[name])}, {told}", made.after)


@check("again", each_kind=True, needs=("create",))
def again(subject: Subject) -> str | None:
    """Acting again on what is already so changes nothing outside (section 7): a caller that does not know what
    became of a request asks again.
    """
    subject.need_case()
    if subject.kind.form.get("existence") == "recorded":
        raise NotChecked("a kind whose existence is recorded acts whenever it is asked with a new key")
    with subject.world() as world:
        session = world.open()
        made = make(session, world.thing())
        state, printed = lasting(world.look()), world.probe()
        for action in ("update",) if subject.kind.assigned else ("create", "update"):
            act(session, Order(made.thing, action, made.after))
            difference = told(state, lasting(world.look()))
            if difference is not None:
                raise Broken("", f"after `{action}` of what is so already {difference}")
            if world.probe() != printed:
                raise Broken(
                    "", f"the probe prints something else after `{action}` of what is so already", world.probe()
                )
            converged(made.thing, look(session, made.thing))
    return None


@check("once", each_kind=True, needs=("create", "again"))
def once(subject: Subject) -> str | None:
    """The very same request, with the same key, to another process is answered alike and acts no second time
    (section 7): what is created under an id that a server assigns would be there twice.
    """
    subject.need_case()
    with subject.world() as world:
        thing = world.thing()
        session = world.open()
        order = Order(thing, "create", look(session, thing))
        first = act(session, order, "conformance-once")
        state, printed = lasting(world.look()), world.probe()
        second = act(world.open(), order, "conformance-once")
        if canonical(first) != canonical(second):
            raise Broken("", f"the same request with the same key had other outputs: {short(first)}", second)
        difference = told(state, lasting(world.look()))
        if difference is not None or world.probe() != printed:
            raise Broken("", f"the same request with the same key acted again: {difference or 'the probe differs'}")
    return None


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


@check("delete", each_kind=True, needs=("create",))
def delete(subject: Subject) -> str | None:
    """After a delete the thing is gone, with nothing left over; a delete of what is gone already is a success
    (sections 7 and 14).
    """
    subject.need_case()
    if not subject.kind.flag("deletable", True):
        raise NotChecked("the kind is not deletable")
    with subject.world() as world:
        session = world.open()
        state = names(world)
        made = make(session, world.thing())
        act(session, Order(made.thing, "delete", made.after))
        recorded = subject.kind.form.get("existence") == "recorded"
        if not recorded and (seen := look(session, made.thing))["observed"] is not None:
            raise Broken("", "it is there after a delete with outputs", seen)
        if names(world) != state:
            raise Broken("", f"a delete leaves {min(names(world) ^ state)} behind")
        act(session, Order(made.thing, "delete", {"observed": None}))
    return None


@check("refresh", each_kind=True, needs=("create",))
def refresh(subject: Subject) -> str | None:
    """The action refresh of a refreshable kind succeeds, and leaves the thing as declared (sections 3 and 7)."""
    subject.need_case()
    if not subject.kind.flag("refreshable"):
        raise NotChecked("the kind is not refreshable")
    with subject.world() as world:
        session = world.open()
        made = make(session, world.thing())
        act(session, Order(made.thing, "refresh", made.after))
        converged(made.thing, look(session, made.thing))
    return None


@check("partial", each_kind=True, needs=("create",))
def partial(subject: Subject) -> str | None:
    """What became of each item is told by itself (section 7): of good, bad and good two have outputs, and one a
    permanent error whose path names the field at fault (section 12). Of a transaction all are refused, and
    nothing is done.
    """
    subject.need_case()
    if not subject.case.bad:
        raise NotChecked("no case: no `bad`")
    subject.need_names()
    for bad in subject.case.bad:
        with subject.world() as world:
            session = world.open()
            wrong = Thing.declared(subject.kind, world.fill(bad["config"]))
            things = [world.thing(0), wrong, world.thing(1)]
            seen = [item.get("observation") or {"observed": None} for item in observe(session, things)]
            answers = apply(session, [Order(t, "create", s) for t, s in zip(things, seen, strict=True)])
            at_fault(answers[1], bad["path"], wrong)
            if subject.kind.flag("transaction"):
                after = [look(session, thing)["observed"] for thing in (things[0], things[2])]
                if any("outputs" in answer for answer in answers) or any(found is not None for found in after):
                    raise Broken("", "a transaction with a bad item was not refused as a whole", answers)
                continue
            for number in (0, 2):
                if "outputs" not in answers[number]:
                    raise Broken("", "a good item beside a bad one was not done", answers[number])
                thing = applied(things[number], seen[number], answers[number]["outputs"])
                converged(thing, look(session, thing))
    return None


def at_fault(item: dict[str, Any], path: str, thing: Thing) -> None:
    """Raises Broken unless it is a permanent error at the path."""
    error = item.get("error")
    if error is None:
        raise Broken("", f"a bad item was answered as if it were done: {short(thing.config, 150)}", item)
    if error["class"] != "permanent":
        raise Broken("", f"a bad item has the error class {error['class']}, not permanent", item)
    if error.get("path") != path:
        raise Broken("", f"the error of a bad item does not name the field at fault, {path}", item)


def mutable(subject: Subject) -> list[dict[str, Any]]:
    """The case's updates that no replacement is needed for."""
    fixed = set(subject.kind.named("immutable")) - set(subject.kind.identity)
    return [dict(fields) for fields in subject.case.update if not set(fields) & fixed]


def without(fields: dict[str, Any], thing: Thing) -> dict[str, Any]:
    """An update may say the identity again; {name} is another one by now."""
    return {name: value for name, value in fields.items() if name not in thing.kind.identity}


def names(world: World) -> set[str]:
    """Names of what lies in the watched folders."""
    found: dict[str, Entry] = dict(world.look())
    return set(found)
