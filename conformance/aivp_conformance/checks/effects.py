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
    converged,
    exists,
    is_unknown,
    look,
    make,
    observe,
)
from aivp_conformance.world import Subject, World

from .check import check
from .updates import mutable, without


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


def names(world: World) -> set[str]:
    """Names of what lies in the watched folders."""
    found: dict[str, Entry] = dict(world.look())
    return set(found)
