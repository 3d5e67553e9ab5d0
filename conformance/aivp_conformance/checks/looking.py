"""Checks of observe: it changes nothing, answers alike, and shows what is there."""

from __future__ import annotations

from aivp_conformance.broken import Broken, short
from aivp_conformance.snapshot import told
from aivp_conformance.things import Thing, make, observe
from aivp_conformance.world import Subject, World

from .check import check


@check("read-only", each_kind=True)
def read_only(subject: Subject) -> str | None:
    """Observe changes nothing, not even what nobody looks at (section 6): plans are made on checkouts that are not
    trusted to act. The folders of the case are compared from outside, with their times, and so is what its
    probe prints.
    """
    with subject.world() as world:
        session = world.open()
        things = some(world, subject)
        state, printed = world.look(), world.probe()
        missing = world.thing()
        for _ in range(2):
            observe(session, [*things, missing])
        difference = told(state, world.look())
        if difference is not None:
            raise Broken("", f"after an observe {difference}")
        if world.probe() != printed:
            raise Broken("", "the probe prints something else after an observe", world.probe())
        return (
            None if world.watched() or subject.case.probe else "from outside: the case has neither `watch` nor `probe`"
        )


@check("deterministic", each_kind=True)
def deterministic(subject: Subject) -> None:
    """Asked again with nothing changed, the answer is the same (section 6): in this process and in another one, whose
    hash seed differs. Plans are compared by their bytes.
    """
    with subject.world() as world:
        things = [*some(world, subject), world.thing()]
        sessions = [world.open(PYTHONHASHSEED="1"), world.open(PYTHONHASHSEED="2")]
        first = observe(sessions[0], things)
        for name, session in (("asked again", sessions[0]), ("asked in another process", sessions[1])):
            for one, other in zip(first, observe(session, things), strict=True):
                if list_text(one) != list_text(other):
                    raise Broken("", f"{name}, the answer is another: {short(one, 200)}", other)


def list_text(item: object) -> str:
    """All of it, lists in their order; the order of members says nothing."""
    return short(item, 1 << 30)


@check("text", each_kind=True, needs=("create", "delete"))
def text(subject: Subject) -> str | None:
    """Empty and unicode text, control characters, elements in another order and twice: what a provider accepts it
    applies as it is declared, and what it cannot take it refuses with a permanent error that names the field
    (sections 4 and 12).
    """
    from aivp_conformance.generate import TEXTS, fits

    from .breadth import accepted, text_fields

    subject.need_case()
    plain, lists = text_fields(subject)
    with subject.world() as world:
        session = world.open()
        for name in plain:
            for value in TEXTS:
                if fits(value, subject.kind.fields[name].schema):
                    accepted(session, world.thing(**{name: value}))
        for name in lists:
            for values in (["b", "a", "b"], ["ü", "u\u0308", "漢字"], []):
                accepted(session, world.thing(**{name: values}))
    return None if plain or lists else "no text: no field takes any text"


def some(world: World, subject: Subject) -> list[Thing]:
    """Things that exist, where the case can make one; else one that does not."""
    if not subject.case.create:
        return [world.thing()]
    session = world.open()
    found = []
    for number in range(len(subject.case.create) if subject.can_have_many() else 1):
        thing = world.thing(number)
        seen = observe(session, [thing])[0]
        if "observation" in seen:
            found.append(attempt(world, thing))
    return found


def attempt(world: World, thing: Thing) -> Thing:
    """Made, if that works; whether it does is for another check to say."""
    try:
        return make(world.open(), thing).thing
    except Broken:
        return thing
