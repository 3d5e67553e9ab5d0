"""Checks of dying: killed at any moment, out of time, and asked again with the same key."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any

from aivp_conformance.broken import Broken, short
from aivp_conformance.compare import canonical
from aivp_conformance.session import Session
from aivp_conformance.snapshot import lasting
from aivp_conformance.things import Order, Thing, applied, converged, look, need, observe, request
from aivp_conformance.world import Subject, World

from .check import check

TOGETHER = 8  # things of a request, where a kind takes several
LATE = 2.0  # seconds after a deadline until a provider is killed


@dataclass(frozen=True)
class End:
    """What a request led to, in words that are the same in every world."""

    names: tuple[str, ...]
    observed: str
    printed: str


@check("deadline", each_kind=True, needs=("create", "again", "once"))
def deadline(subject: Subject) -> str | None:
    """A provider that has not answered 2 seconds after the deadline of a request is killed; the same request to a
    new process then brings the thing to its end (sections 2 and 7). No answer, and no death, may leave a thing
    that nobody can mend.
    """
    subject.need_case()
    with subject.world() as world:
        session, orders = prepared(world, 1)
        params = {**request(orders, "conformance-deadline"), "deadline_ms": 1}
        number = session.send("apply", params)
        time.sleep(0.001)
        session.notify("cancel", {"request": number})
        try:
            session.answer(number, "apply", params, 0.001 + LATE)
        except Broken:
            session.process.kill()
        settle(world, world.open(), orders, "conformance-deadline")
    return None


@check("killed", each_kind=True, needs=("create", "again", "once"))
def killed(subject: Subject) -> str | None:
    """A provider may be killed within any apply; the same request to a new process brings things to the same end,
    with nothing left over (section 7). Killed at several moments within the time that an apply takes, and as
    soon as it begins to answer.
    """
    subject.need_case()
    count = TOGETHER if subject.kind.flag("batch") and subject.can_have_many() else 1
    with subject.world() as world:
        session, orders = prepared(world, count)
        begun = time.monotonic()
        session.result("apply", request(orders, "conformance-killed"))
        duration = time.monotonic() - begun
        wanted = settle(world, session, orders, "conformance-killed")
    chance = random.Random(20)
    moments = [(n + chance.random()) / subject.options.moments * duration for n in range(subject.options.moments)]
    for moment in [*moments, None]:
        with subject.world() as world:
            session, orders = prepared(world, count)
            session.send("apply", request(orders, "conformance-killed"))
            if moment is None:
                session.process.line(time.monotonic() + subject.options.patience)
            else:
                session.process.flush(time.monotonic() + subject.options.patience)
                time.sleep(moment)
            session.process.kill()
            when = "as it began to answer" if moment is None else f"{moment * 1000:.1f} ms into an apply"
            try:
                found = settle(world, world.open(), orders, "conformance-killed")
            except Broken as broken:
                raise Broken("", f"killed {when} and asked again: {broken.text}", broken.shown) from None
            compare(subject, when, wanted, found)
    return (
        None if world.watched() or subject.case.probe else "what is left over: the case has neither `watch` nor `probe`"
    )


def compare(subject: Subject, when: str, wanted: End, found: End) -> None:
    """Raises Broken where a killed run ended elsewhere. Names that the provider assigns may differ, their number
    may not.
    """
    if subject.kind.assigned:
        if len(wanted.names) != len(found.names):
            raise Broken(
                "",
                f"killed {when} and asked again: {len(found.names)} names lie there, not {len(wanted.names)}",
                found.names,
            )
        return
    for name in sorted(set(found.names) ^ set(wanted.names)):
        what = "is left over" if name in found.names else "is missing"
        raise Broken("", f"killed {when} and asked again: {name} {what}")
    if found.observed != wanted.observed:
        raise Broken(
            "", f"killed {when} and asked again: observed is not {short(wanted.observed, 200)}", found.observed
        )
    if found.printed != wanted.printed:
        raise Broken("", f"killed {when} and asked again: the probe prints something else", found.printed)


def prepared(world: World, count: int) -> tuple[Session, list[Order]]:
    """A session, and orders to make that many things."""
    session = world.open()
    things = world.things(count)
    items = observe(session, things)
    orders = [Order(t, "create", need(item, "observation", t)) for t, item in zip(things, items, strict=True)]
    return session, orders


def settle(world: World, session: Session, orders: list[Order], key: str) -> End:
    """Ask again with the same key, as a caller does who does not know what became of it; what that leads to."""
    items = session.result("apply", request(orders, key))["items"]
    things: list[Thing] = []
    for order, item in zip(orders, items, strict=True):
        things.append(applied(order.thing, order.seen, need(item, "outputs", order.thing)))
    seen: list[Any] = [look(session, thing) for thing in things]
    for thing, observation in zip(things, seen, strict=True):
        converged(thing, observation)
    root = str(world.root)
    names = tuple(path.removeprefix(root) for path in sorted(lasting(world.look())))
    return End(names, canonical([s["observed"] for s in seen]).replace(root, ""), world.probe().replace(root, ""))
