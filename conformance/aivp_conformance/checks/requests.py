"""Checks of sessions: versions, requests that make no sense, what must be ignored, and how a session ends."""

from __future__ import annotations

import json
import time
from typing import Any

from aivp_conformance.broken import Broken
from aivp_conformance.compare import canonical
from aivp_conformance.process import LINE, TooLong
from aivp_conformance.session import Answer, Session
from aivp_conformance.snapshot import told
from aivp_conformance.things import Order, Thing, changes_of, look, observe, request
from aivp_conformance.world import Subject

from .check import check


@check("versions")
def versions(subject: Subject) -> None:
    """A major version that the provider does not speak is refused with error 1 and the majors that it speaks; a
    higher minor only adds, and is accepted (section 5). Otherwise an old provider would guess at what a new
    caller means.
    """
    with subject.world() as world:
        session = world.start()
        answer = session.ask("initialize", world.greeting(major=4096))
        if answer.code != 1:
            raise Broken("", "major version 4096 was not refused with error 1", answer.error or answer.result)
        majors = (answer.error.get("data") or {}).get("majors")
        if not isinstance(majors, list) or 1 not in majors:
            raise Broken("", 'error 1 does not name the majors that it speaks, as {"majors": [1]}', answer.error)
        answer = session.ask("initialize", world.greeting())
        if answer.error is not None:
            raise Broken("", "after error 1 it does not go on with major version 1", answer.error)
        session = world.start()
        answer = session.ask("initialize", world.greeting(minor=4096))
        if answer.error is not None or answer.result["protocol"]["major"] != 1:
            raise Broken("", "a higher minor version was not accepted", answer.error or answer.result)


@check("before-initialize")
def before_initialize(subject: Subject) -> None:
    """Every request before initialize is answered with error -32600 (section 5): without configuration an answer
    would be about something else.
    """
    with subject.world() as world:
        session = world.start()
        expect(session.ask("observe", {"items": [world.thing().item()]}), -32600, "observe before initialize")
        expect(session.ask("shutdown", {}), -32600, "shutdown before initialize")
        if session.ask("initialize", world.greeting()).error is not None:
            raise Broken("", "initialize was refused after a request that came too early")


@check("unknown-methods")
def unknown_methods(subject: Subject) -> None:
    """An unknown method is answered with error -32601, and the provider goes on (sections 2 and 12): so may later
    versions ask.
    """
    with subject.world() as world:
        session = world.open()
        expect(session.ask("conformance.unknown", {}), -32601, "the method conformance.unknown")
        expect(session.ask("conformance/other", {"items": []}), -32601, "the method conformance/other")
        observe(session, [world.thing()])


@check("unknown-members")
def unknown_members(subject: Subject) -> None:
    """Members, capabilities and notifications that the provider does not know are ignored (section 2): minor
    versions add some.
    """
    extra = {"conformance_unknown": {"a": [1, None]}}
    with subject.world() as world:
        thing = world.thing()
        plain = look(world.open(), thing)
        session = world.start()
        greeting = world.greeting()
        greeting = {**greeting, **extra, "capabilities": {**greeting["capabilities"], **extra}}
        if session.ask("initialize", greeting, **extra).error is not None:
            raise Broken("", "initialize with unknown members was refused", greeting)
        session.notify("conformance.unknown", extra)
        session.notify("cancel", {"request": 1})
        answer = session.ask("observe", {"items": [{**thing.item(), **extra}], **extra}, **extra)
        if answer.error is not None:
            raise Broken("", "observe with unknown members was refused", answer.error)
        if answer.result["items"][0].get("observation") != plain:
            raise Broken("", "unknown members changed what is observed", answer.result)


@check("parameters")
def parameters(subject: Subject) -> None:
    """Parameters of another form are answered with error -32602, before anything is done, and the provider goes on
    (sections 7 and 12). A request of a list that is right in its first item only must not leave that one behind
    as done.
    """
    with subject.world() as world:
        session = world.open()
        thing = world.thing()
        before = world.look()
        item = thing.item("good")
        order = {**item, "action": "create", "seen": {"observed": None}, "changes": []}
        wrong: list[tuple[str, Any]] = [
            ("observe", {}),
            ("observe", {"items": {}}),
            ("observe", {"items": [item, {"id": "bad"}]}),
            ("observe", {"items": [{**item, "kind": f"{subject.manifest.form['name']}/conformance-none"}]}),
            ("observe", {"items": [{**item, "config": "text"}]}),
            ("observe", []),
            ("apply", {"key": "conformance"}),
        ]
        if subject.case.create:
            wrong.append(("apply", {"key": "conformance", "items": [{**order, "action": "conformance-none"}]}))
            if subject.kind.flag("batch"):
                wrong.append(("apply", {"key": "conformance", "items": [order, {"id": "bad"}]}))
        for method, params in wrong:
            expect(session.ask(method, params), -32602, f"{method} with {json.dumps(params)[:120]}")
        difference = told(before, world.look())
        if difference is not None:
            raise Broken("", f"something was done for a request that was refused: {difference}")
        observe(session, [thing])


@check("broken-lines", needs=("stdin-closed",))
def broken_lines(subject: Subject) -> None:
    """A line that is no JSON, too long, or without its end ends the session: the provider exits as when stdin
    ends, within 5 seconds, and keeps no more of it than the limit (section 2). Whoever goes on after it may
    answer for what nobody asked.
    """
    lines: list[tuple[str, bytes, bool]] = [
        ("a line that is no JSON", b"this is no JSON\n", False),
        ("a line that is not UTF-8", b'{"jsonrpc": "2.0", "method": "\xff\xfe"}\n', False),
        ("half a line and the end of stdin", b'{"jsonrpc": "2.0", "id": 9, "meth', True),
        ("a line of 8 MiB", b'{"jsonrpc": "2.0", "method": "' + b"x" * (2 * LINE) + b'"}\n', False),
    ]
    for name, data, is_end in lines:
        with subject.world() as world:
            session = world.open()
            session.process.send(data)
            if is_end:
                session.process.close_stdin()
            deadline = time.monotonic() + subject.options.ending
            ended(session, name, deadline)


def ended(session: Session, what: str, deadline: float) -> None:
    """Raises Broken unless the process exits by itself, with nothing said but -32700."""
    try:
        while (line := session.process.line(deadline)) is not None:
            message = json.loads(line)
            if "id" in message and (message.get("error") or {}).get("code") != -32700:
                raise Broken("", f"{what} was answered", message)
    except (TimeoutError, TooLong, ValueError):
        pass
    if session.process.wait(deadline) is None:
        raise Broken("", f"it did not exit in time after {what}")


@check("stdin-closed")
def stdin_closed(subject: Subject) -> None:
    """When stdin ends the provider exits within 5 seconds (section 1): the caller may be dead, and nobody else
    would end it.
    """
    with subject.world() as world:
        for prepare in (lambda _: None, lambda session: observe(session, [world.thing()])):
            session = world.open()
            prepare(session)
            session.process.close_stdin()
            if session.process.wait(time.monotonic() + subject.options.ending) is None:
                raise Broken("", f"it did not exit within {subject.options.ending:g} s after the end of stdin")


@check("item-in-hand", each_kind=True, needs=("stdin-closed", "create"))
def item_in_hand(subject: Subject) -> str | None:
    """When stdin ends while a request is in hand, the provider finishes the item in hand, starts no other, and
    exits (section 1): what was done is whole, and nothing is done for a caller that is gone.
    """
    subject.need_case()
    count = (
        300 if subject.kind.flag("batch") and subject.can_have_many() and not subject.kind.flag("transaction") else 1
    )
    with subject.world() as world:
        session = world.open()
        things = world.things(count)
        seen = [item.get("observation") or {"observed": None} for item in observe(session, things)]
        orders = [Order(thing, "create", s) for thing, s in zip(things, seen, strict=True)]
        session.send("apply", request(orders, "item-in-hand"))
        session.process.close_stdin()
        if session.process.wait(time.monotonic() + subject.options.patience + subject.options.ending) is None:
            raise Broken("", "it did not exit after the end of stdin, with a request in hand")
        if subject.kind.assigned:
            return "with identities that the provider assigns, nobody can ask which items were done"
        items = observe(world.open(), things)
        there = [item.get("observation", {}).get("observed") is not None for item in items]
        whole = [
            is_whole(thing, item, before)
            for thing, item, before, is_there in zip(things, items, seen, there, strict=True)
            if is_there
        ]
        if not all(whole):
            raise Broken("", "it left an item half done", items[there.index(True) + whole.index(False)])
        if count > 1 and all(there):
            raise Broken("", f"it went on to the last of {count} items after the end of stdin")
        return None if count > 1 else "whether it starts no other item: a request can hold one thing only"


def is_whole(thing: Thing, item: Any, before: Any) -> bool:
    """Is it there as declared? Or as it was, since it was not begun."""
    if "observation" not in item:
        return False
    found = item["observation"]
    return not changes_of(thing, found) or canonical(found["observed"]) == canonical(before["observed"])


@check("cancel")
def cancel(subject: Subject) -> str | None:
    """A provider with the capability `cancel` answers every item after the one in hand with the error class
    `canceled`; one without ignores it, and answers as ever (section 11). Otherwise nobody could stop a long
    request without killing the provider.
    """
    with subject.world() as world:
        session = world.start()
        greeting = session.result("initialize", world.greeting())
        has_cancel = bool(greeting["capabilities"].get("cancel"))
        for count in (1000, 4000, 10_000):
            things = world.things(count) if subject.can_have_many() else [world.thing()] * count
            params = {"items": [thing.item(number) for number, thing in enumerate(things)]}
            number = session.send("observe", params)
            session.notify("cancel", {"request": number})
            answer = session.answer(number, "observe", params)
            items = answer.result["items"] if answer.error is None else []
            if answer.error is not None:
                raise Broken("", "a canceled request was refused as a whole", answer.error)
            canceled = [item.get("error", {}).get("class") == "canceled" for item in items]
            if not has_cancel and any(canceled):
                raise Broken("", "items were canceled without the capability `cancel`", items[canceled.index(True)])
            if canceled != sorted(canceled):
                raise Broken("", "an item was done after one that was canceled", items[canceled.index(True)])
            session.notify("cancel", {"request": number})
            look(session, things[0])
            if any(canceled) or not has_cancel:
                return None
        raise Broken("", "none of 10000 items was canceled, though the request was as soon as it was sent")


def expect(answer: Answer, code: int, what: str) -> None:
    """Raises Broken unless a request was refused with the code."""
    if answer.code != code:
        raise Broken("", f"{what} was not answered with error {code}", answer.error or answer.result)
