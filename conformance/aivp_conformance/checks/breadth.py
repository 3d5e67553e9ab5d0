"""Checks of breadth: many items, large values, values drawn from the schema."""

from __future__ import annotations

from typing import Any

from aivp_conformance.broken import Broken, NotChecked, short
from aivp_conformance.generate import keeps_rules, varied
from aivp_conformance.patterns import matches
from aivp_conformance.session import Session
from aivp_conformance.things import Order, Thing, act, applied, apply, converged, decide, look, observe
from aivp_conformance.world import Subject, World

from .check import check

LARGE = 1_000_000  # bytes of a large value


@check("many", each_kind=True)
def many(subject: Subject) -> None:
    """A request has up to 10,000 items; all are answered, in order, in parts where one line would be too long
    (section 2).
    """
    with subject.world() as world:
        session = world.open()
        count = subject.options.many
        things = world.things(count) if subject.can_have_many() else [world.thing()] * count
        observe(session, things)


@check("large", each_kind=True, needs=("create", "text"))
def large(subject: Subject) -> str | None:
    """A text of a megabyte is applied, or refused with a permanent error that names the field (sections 2 and 12)."""
    subject.need_case()
    plain, _ = text_fields(subject)
    plain = [name for name in plain if subject.kind.fields[name].schema.get("maxLength", LARGE) >= LARGE]
    if not plain:
        raise NotChecked("no field takes a text of a megabyte")
    with subject.world() as world:
        for name in plain:
            for value in ("0123456789abcde\n" * (LARGE // 16), "ü漢🎈\n" * (LARGE // 10)):
                accepted(world.open(), world.thing(**{name: value}))
    return None


@check("values", each_kind=True, needs=("create", "delete", "text"))
def values(subject: Subject) -> str | None:
    """Any declaration that the schema admits is observed, or refused with a permanent error that names a field;
    what is observed is applied as it was declared (sections 6, 7 and 12). Drawn from the schema, always the
    same ones; a failing one is made small.
    """
    subject.need_case()
    if subject.kind.form.get("phase") == "command":
        raise NotChecked("values drawn at random would be run as commands")
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis.errors import Flaky

    left_out = {name for word in ("computed", "guard", "immutable") for name in subject.kind.named(word)}
    left_out |= {*subject.case.fixed, *subject.kind.identity}
    left_out |= {name for name, meaning in subject.kind.fields.items() if meaning.words.get("semantic") == "path"}
    left_out |= {name for content in contents(subject) for name in content}
    with subject.world() as world:
        keeper = Keeper(world)
        first = world.thing().config
        fixed = {name: value for name, value in first.items() if name in left_out}

        @seed(20)
        @settings(
            max_examples=subject.options.examples,
            database=None,
            deadline=None,
            derandomize=False,
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(varied(subject.kind, fixed, frozenset(left_out)))
        def holds(config: dict[str, Any]) -> None:
            thing = Thing.declared(subject.kind, {**config, **world.thing().identity})
            try:
                accepted(keeper.session(), thing)
            except Broken as broken:
                keeper.is_lost = True
                raise Broken("", f"{broken.text}, declared as {short(config, 300)}", broken.shown) from None

        try:
            holds()
        except Flaky as flaky:  # its first failure is one, though the same declaration went well afterwards
            found = next((one for one in getattr(flaky, "exceptions", ()) if isinstance(one, Broken)), None)
            if found is None:
                raise
            raise Broken("", f"{found.text}, the first time, and not when asked once more", found.shown) from None
    drawn = sorted(set(subject.kind.fields) - left_out)
    return None if drawn else "no field can be drawn"


class Keeper:
    """One session for all examples, and a new one after a failure."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.is_lost = True
        self.now: Session | None = None

    def session(self) -> Session:
        if self.now is None or self.is_lost:
            if self.now is not None:
                self.now.process.kill()
            self.now, self.is_lost = self.world.open(), False
        return self.now


def contents(subject: Subject) -> list[list[str]]:
    """Fields that only aivp itself reads, to make another one of them."""
    words = [meaning.words.get("content", {}) for meaning in subject.kind.fields.values()]
    return [list(content.values()) for content in words]


def text_fields(subject: Subject, *samples: str) -> tuple[list[str], list[str]]:
    """Names of fields that take any text, and any list of texts; with `samples`, also of those that take these."""
    plain, lists = [], []
    avoided = {*subject.kind.identity, *subject.case.fixed, *(name for names in contents(subject) for name in names)}
    for name, meaning in sorted(subject.kind.fields.items()):
        if name in avoided or any(meaning.has(word) for word in ("computed", "guard", "immutable", "semantic")):
            continue
        if not keeps_rules(subject.kind, {**(subject.case.create or ({},))[0], name: "text"}):
            continue
        if is_free_text(meaning.schema, *samples):
            plain.append(name)
        elif (
            meaning.types == ("array",)
            and is_free_text(meaning.items.schema, *samples)
            and not meaning.items.has("semantic")
        ):
            lists.append(name)
    if subject.kind.form.get("phase") == "command":
        return [], []
    return plain, lists


def is_free_text(schema: Any, *samples: str) -> bool:
    """Does it take any text, or where it has a pattern, all of some?"""
    if schema.get("type") != "string" or {"enum", "const"} & set(schema):
        return False
    return "pattern" not in schema or (samples != () and all(matches(schema["pattern"], text) for text in samples))


def accepted(session: Session, thing: Thing) -> None:
    """Observed, applied, observed as declared, and taken away again; or refused as it should be."""
    item = observe(session, [thing])[0]
    if "observation" not in item:
        refused(item)
        return
    order = decide(thing, item["observation"])
    if order is None:
        return
    answer = apply(session, [order])[0]
    if "outputs" not in answer:
        refused(answer)
        return
    thing = applied(thing, item["observation"], answer["outputs"])
    converged(thing, look(session, thing))
    if thing.kind.flag("deletable", True):
        # Only what must be said: a large value once more would not fit into the request.
        computed = thing.kind.named("computed")
        gone = thing.but(config={n: v for n, v in thing.identity.items() if n not in computed}, prior=None)
        act(session, Order(gone, "delete", look(session, gone)))


def refused(item: dict[str, Any]) -> None:
    """Raises Broken unless a value was refused for good, and by name."""
    error = item["error"]
    if error["class"] != "permanent":
        raise Broken("", f"a value was refused with the error class {error['class']}, not permanent", item)
    if not error.get("path"):
        raise Broken("", "a value was refused with an error that names no field", item)
