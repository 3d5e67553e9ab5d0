"""Checks of secrets: no byte of one leaves the host, and what must not be shown is answered with a verdict."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from aivp_conformance.broken import Broken, NotChecked
from aivp_conformance.compare import tag
from aivp_conformance.manifest import Field
from aivp_conformance.snapshot import walk
from aivp_conformance.things import Order, Thing, act, applied, decide, hides, look, make, observe
from aivp_conformance.world import Subject, World

from .breadth import text_fields
from .check import check

CANARY = "aivpCanary7Qx2"
PART = "aivpPart9Zk4"
OTHER = "something else"
SENT = {"$aivp": "secret", "origin": {"secret": "conformance", "version": "1"}, "value": CANARY}
MADE = {
    "$aivp": "secret",
    "origin": {"concat": ["user=", {"secret": "conformance"}]},
    "value": f"user={PART};",
    "parts": [PART],
}


def forms() -> dict[str, bytes]:
    """What to look for: the values as they are, and as they are easily written."""
    found = {}
    for text in (CANARY, PART):
        for name, made in (
            ("", text.encode()),
            (" in base64", base64.b64encode(text.encode()).rstrip(b"=")),
            (" in hex", text.encode().hex().encode()),
        ):
            found[f"{text}{name}"] = made
    return found


class Ear:
    """Hears everything that a provider says, and remembers where a secret was; keeps no more than is needed to see
    the next one.
    """

    def __init__(self) -> None:
        self.found: str | None = None
        self._tails: dict[str, bytes] = {}

    def hear(self, stream: str, data: bytes) -> None:
        text = self._tails.get(stream, b"") + data
        for name, form in forms().items():
            if form in text:
                at = text.index(form)
                self.found = self.found or f"the secret {name} is on {stream}: …{text[max(0, at - 60) : at + 40]!r}…"
        self._tails[stream] = text[-200:]


class Watch:
    """Looks at the arguments of a process group all the time."""

    def __init__(self, group: int) -> None:
        self.group = group
        self.found: str | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(0.002):
            for line in arguments(self.group):
                for name, form in forms().items():
                    if form in line:
                        self.found = f"the secret {name} is in the arguments of a process: {line[:200]!r}"


def arguments(group: int) -> Iterator[bytes]:
    """Argv of each process of the group's session, where there is a /proc."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()
            if group in (int(state[2]), int(state[3])):
                yield (folder / "cmdline").read_bytes()
        except (OSError, ValueError, IndexError):
            continue


@check("secrets", each_kind=True)
def secrets(subject: Subject) -> str | None:
    """No byte of a secret leaves the host (section 13): not in answers, errors, progress or log, on stderr, in the
    arguments of a process, nor in a file that is not the real thing. A canary stands in each field that admits
    one, in declarations that are good, and bad.
    """
    fields = admitting(subject)
    if not fields:
        raise NotChecked("no field admits a secret")
    for name in fields:
        for secret in (SENT, MADE):
            with subject.world() as world:
                ear = Ear()
                session = world.open(hear=ear.hear)
                with Watch(session.process.group) as watch:
                    tell(subject, world, session, name, secret)
                    session.process.close_stdin()
                    session.finish()
                for found in (ear.found, watch.found, kept(world)):
                    if found is not None:
                        raise Broken("", f"{name}: {found}")
    return None if subject.case.bad else "errors of bad declarations: the case has no `bad`"


def tell(subject: Subject, world: World, session: Any, name: str, secret: Mapping[str, Any]) -> None:
    """A life with a secret: seen, made, seen, changed, refused, deleted. What fails in it is for others to judge."""
    value = placed(subject.kind.fields[name], secret)
    bad = [{**world.fill(bad["config"]), name: value} for bad in subject.case.bad]
    things = [world.thing(**{name: value}), *(Thing.declared(subject.kind, config) for config in bad)]
    for thing in things:
        seen = observe(session, [thing])[0].get("observation") or {"observed": None}
        if not subject.case.create:
            continue
        params = [Order(thing, action, seen) for action in ("create", "update")]
        for order in params:
            session.ask("apply", {"key": "conformance-secrets", "items": [order.item()]})
        observe(session, [thing, thing.but(tainted=(name,))])
        session.ask("apply", {"key": "conformance-secrets", "items": [Order(thing, "delete", seen).item()]})


def kept(world: World) -> str | None:
    """A file that holds the secret and is not the real thing."""
    watched = tuple(f"{folder}/" for folder in world.watched())
    for path in walk(str(world.root)):
        if not os.path.isfile(path) or path.startswith(watched) or os.path.islink(path):
            continue
        data = Path(path).read_bytes()[: 1 << 24]
        for name, form in forms().items():
            if form in data:
                return f"the secret {name} is in the file {path.removeprefix(str(world.root))}"
    return None


@check("verdicts", each_kind=True, needs=("create", "secrets"))
def verdicts(subject: Subject) -> str | None:
    """For a field whose declared value is, or holds, a secret, or that is sensitive, `observed` holds a verdict
    and `normalised` no value; the verdict is true of what was just applied, and false of another value (section
    13).
    """
    subject.need_case()
    sensitive = [name for name in subject.kind.named("sensitive") if name in subject.case.create[0]]
    fields = [*sensitive, *admitting(subject)]
    if not fields:
        raise NotChecked("no field admits a secret")
    for name in dict.fromkeys(fields):
        for value in dict.fromkeys(("as declared", "secret")):
            if value == "as declared" and name not in sensitive:
                continue
            with subject.world() as world:
                session = world.open()
                declared = {} if value == "as declared" else {name: placed(subject.kind.fields[name], SENT)}
                judge(subject, session, world.thing(**declared), name)
    return None


def judge(subject: Subject, session: Any, thing: Thing, name: str) -> None:
    """Made, and asked about the value and another one."""
    item = observe(session, [thing])[0]
    if "observation" not in item:
        return
    order = decide(thing, item["observation"])
    outputs = act(session, order) if order is not None else None
    thing = applied(thing, item["observation"], outputs)
    other = {**SENT, "value": OTHER}
    cases = [(thing, True), (thing.with_fields({name: placed(subject.kind.fields[name], other)}), False)]
    for asked, matches in cases:
        seen = look(session, asked)
        shown = (seen["observed"] or {}).get(name)
        if subject.kind.fields[name].has("write_only") and shown is None:
            continue
        found = list(verdicts_in(shown))
        if not found or holds_text(shown):
            raise Broken("", f"observed {name} is no verdict", seen)
        if all(found) != matches or (not matches and None in found and False not in found):
            whose = "was just applied" if matches else "is another one"
            raise Broken("", f"the verdict on {name} is {found[0]}, of a value that {whose}", seen)
        if hides(asked.config[name]) and holds_value(seen.get("normalised", {}).get(name)):
            raise Broken("", f"normalised {name} holds the value of a secret", seen)


@check("tainted", each_kind=True, needs=("create", "verdicts"))
def tainted(subject: Subject) -> str | None:
    """For fields that `tainted` names, which held a secret when last applied, `observed` holds a verdict even
    where a plain value, or none, is declared now: what is there may still be the secret (section 13).
    """
    subject.need_case()
    fields = [name for name in admitting(subject) if not subject.kind.fields[name].has("sensitive")]
    if not fields:
        raise NotChecked("no field admits a secret, but for sensitive ones")
    for name in fields:
        with subject.world() as world:
            session = world.open()
            thing = world.thing(**{name: placed(subject.kind.fields[name], SENT)})
            if "error" in observe(session, [thing])[0]:
                continue
            thing = make(session, thing).thing
            plain = ["plain"] if "array" in subject.kind.fields[name].types else "plain"
            nothing = {field: value for field, value in thing.config.items() if field != name}
            for asked in (thing.with_fields({name: plain}), thing.but(config=nothing)):
                seen = look(session, asked.but(tainted=(name,)))
                shown = (seen["observed"] or {}).get(name)
                if shown is not None and (not list(verdicts_in(shown)) or holds_text(shown)):
                    raise Broken("", f"observed {name} is no verdict, though it is tainted", seen)
                if True in verdicts_in(shown):
                    raise Broken("", f"the verdict on {name} is true of a value that is not there", seen)
    return None


def admitting(subject: Subject) -> list[str]:
    """Fields that admit a secret: text that may be one, or lists of it, that others on the host cannot see."""
    plain, lists = text_fields(subject, CANARY, str(MADE["value"]), OTHER)
    return [name for name in sorted(plain + lists) if not subject.kind.fields[name].has("exposed")]


def placed(meaning: Field, secret: Mapping[str, Any]) -> Any:
    """As the field takes it."""
    return [dict(secret)] if "array" in meaning.types else dict(secret)


def verdicts_in(value: Any) -> Iterator[Any]:
    """What the verdicts in a value say."""
    if tag(value) == "verdict":
        yield value["matches"]
    elif isinstance(value, list):
        for inner in value:
            yield from verdicts_in(inner)


def holds_text(value: Any) -> bool:
    """Does it show anything beside verdicts?"""
    return isinstance(value, str) or (isinstance(value, list) and any(isinstance(inner, str) for inner in value))


def holds_value(value: Any) -> bool:
    """Does a tagged secret hold what must not be shown?"""
    if isinstance(value, list):
        return any(holds_value(inner) for inner in value)
    return isinstance(value, dict) and ("value" in value or "parts" in value)
