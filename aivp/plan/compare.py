"""Two plans → what is different about what they would do. Order, batches, wording and source positions do not count.

What counts: which steps there are, what each sets and finds, under which conditions, where, with whose code, and how
many hosts at once. What only says where a plan comes from (the pins of declarations, evidence and state) is told, and
does not count: what of it matters stands in the steps. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from aivp_contract import canonical
from aivp_contract.pointer import parts
from aivp_contract.values import Json

from aivp.plan.steps import Plan, Step

Aspect = Literal["planned", "found", "condition"]
"""Of a step: what it sets or does; what was there when it was planned; how and when it may do that."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs. op: `add` where the first plan has nothing of it, `remove` where the second has not."""

    aspect: Aspect
    name: str
    op: Literal["add", "remove", "replace"]
    before: Json
    after: Json

    def form(self) -> dict[str, Json]:
        """As JSON; a side that there is not is left out."""
        found: dict[str, Json] = {"aspect": self.aspect, "name": self.name, "op": self.op}
        found |= {"before": self.before} if self.op != "add" else {}
        return found | ({"after": self.after} if self.op != "remove" else {})


@dataclass(frozen=True, slots=True)
class StepDifference:
    """Two steps on one resource that are not the same."""

    before: Step
    after: Step
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """What tells two plans apart; steps in the order of their plan.

    around: what differs outside of steps: hosts, code, rollouts, what takes no part. origin: pins that differ and do
    not count. same: steps that are the same in both.
    """

    vanished: Sequence[Step]
    appeared: Sequence[Step]
    changed: Sequence[StepDifference]
    around: Sequence[Difference]
    origin: Sequence[Difference]
    same: int

    @property
    def is_same(self) -> bool:
        """True where both would do the same."""
        return not (self.vanished or self.appeared or self.changed or self.around)


_ORIGIN: Final = ("ir", "evidence", "objects")
_CODE: Final = ("runner", "manifests", "providers")
_LOOKING: Final = frozenset({"conditional", "deferred", "may touch"})
"""Conditions that say whether somebody has to look before the effect."""


def compare(before: Plan, after: Plan) -> PlanDifference:
    """How `after` differs from `before`."""
    pairs = list(_pairs(before.steps, after.steps))
    both = [(one, other) for one, other in pairs if one is not None and other is not None]
    found = [StepDifference(one, other, _step(one, other, _is_unseen(before, one))) for one, other in both]
    changed = [item for item in found if item.differences]
    return PlanDifference(
        vanished=[one for one, other in pairs if one is not None and other is None],
        appeared=[other for one, other in pairs if one is None and other is not None],
        changed=changed,
        around=list(_around(before, after)),
        origin=list(_members("condition", _pins(before, _ORIGIN), _pins(after, _ORIGIN))),
        same=len(found) - len(changed),
    )


def _pairs(before: Sequence[Step], after: Sequence[Step]) -> Iterator[tuple[Step | None, Step | None]]:
    """Steps with the same id; then what else is planned for the same resource, where that is one step each."""
    new = {step.id: step for step in after}
    old = {step.id for step in before}
    left: dict[str, list[Step]] = {}
    for step in after:
        if step.id not in old:
            left.setdefault(step.address, []).append(step)
    for step in before:
        others = left.get(step.address, ())
        if step.id in new:
            yield step, new[step.id]
        elif len(others) == 1:
            yield step, left.pop(step.address)[0]
        else:
            yield step, None
    for step in after:
        if step.id not in old and step.address in left:
            yield None, step


def _is_unseen(plan: Plan, step: Step) -> bool:
    """True where a plan for review says of something new that nobody has looked yet: its evidence is older."""
    return not plan.is_applicable and step.action == "create" and step.is_deferred and step.expected is None


def _step(before: Step, after: Step, is_unseen: bool) -> list[Difference]:
    """is_unseen: of `before` only what it would make is known, so only that counts: that there was nothing, and that
    apply need not look first, is what `after` knows better.
    """
    planned = [_planned(before), _planned(after)]
    found = [_found(before), _found(after)]
    conditions = [_conditions(before), _conditions(after)]
    if is_unseen and not any(change.op != "add" for change in after.changes):
        found = []
        conditions = [{name: value for name, value in side.items() if name not in _LOOKING} for side in conditions]
    return [
        *_members("planned", planned[0], planned[1]),
        *(_members("found", found[0], found[1]) if found else ()),
        *_members("condition", conditions[0], conditions[1]),
    ]


def _planned(step: Step) -> dict[str, Json]:
    """What it does: the action, and every field as it will be. A field that is none of the resource's has a blank."""
    found: dict[str, Json] = {"the action": step.action, "the severity": step.severity}
    if step.previous is not None:
        found["the former address"] = step.previous
    found |= {f"identity: {name}": value for name, value in step.identity.items()} | dict(step.config)
    for change in step.changes:
        field, *inner = parts(change.path) or [""]
        if not inner or field not in step.config:
            found[".".join((field, *inner))] = None if change.op == "remove" else change.after
    return found


def _found(step: Step) -> dict[str, Json]:
    """What was there: values that change, and the digest of all managed fields."""
    fields: dict[str, Json] = {".".join(parts(item.path)): item.before for item in step.changes if item.op != "add"}
    if step.expected is not None:
        fields["digest of its fields"] = step.expected
    return fields


def _conditions(step: Step) -> dict[str, Json]:
    found: dict[str, Json] = {
        "conditional": step.is_conditional,
        "deferred": step.is_deferred,
        "may touch": sorted(step.bounds),
        "notifies": sorted(step.notifies),
        "provenance": step.provenance,
        "lifecycle": step.lifecycle.form(),
        "meta": step.meta.form(),
    }
    return {name: value for name, value in found.items() if value}


def _around(before: Plan, after: Plan) -> Iterator[Difference]:
    """Whatever is not a step. What only one of them needs at all comes with its steps, and says nothing more."""
    yield from _members("condition", *({"project": p.project, "environment": p.environment} for p in (before, after)))
    for one, other in zip(_needs(before), _needs(after), strict=True):
        shared = one.keys() & other.keys()
        yield from _members("condition", *({name: side[name] for name in shared} for side in (one, other)))
    for one, other in zip(_whole(before), _whole(after), strict=True):
        yield from _members("condition", one, other)


def _needs(plan: Plan) -> Iterator[dict[str, Json]]:
    """What steps stand on: hosts, code, secrets, what providers are started with."""
    hosts = {name: {**item.host.form(), "incarnation": item.incarnation} for name, item in plan.hosts.items()}
    yield {f"host {name}: {member}": value for name, form in hosts.items() for member, value in form.items()}
    yield {f"code: {name}": value for name, value in _pins(plan, _CODE).items()}
    yield {f"secret {name}": {"version": item.version, item.source: item.spec} for name, item in plan.secrets.items()}
    yield {f"provider {name}": dict(value) for name, value in plan.providers.items()}


def _whole(plan: Plan) -> Iterator[dict[str, Json]]:
    yield {f"rollout {item.group}": item.form() for item in plan.rollouts}
    yield {f"blocked: {name}": why for name, why in plan.blocked.items()}
    yield {f"left out: {name}": why for name, why in plan.left_out.items()}


def _pins(plan: Plan, names: Sequence[str]) -> dict[str, Json]:
    """Pins by name, those of providers each by its own."""
    found: dict[str, Json] = {}
    for name in names:
        value = plan.pins.get(name)
        if isinstance(value, Mapping):
            found |= {f"{name} {member}": digest for member, digest in value.items()}
        elif value is not None:
            found[name] = value
    return found


def _members(aspect: Aspect, before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[Difference]:
    """Members that are not the same, by name; values are compared as their artifact writes them."""
    for name in sorted({*before, *after}):
        if name not in before:
            yield Difference(aspect, name, "add", None, after[name])
        elif name not in after:
            yield Difference(aspect, name, "remove", before[name], None)
        elif before[name] is not after[name] and not _is_equal(before[name], after[name]):
            yield Difference(aspect, name, "replace", before[name], after[name])


def _is_equal(one: Json, other: Json) -> bool:
    """True is not 1, and 1 is 1.0: as in canonical form."""
    if type(one) is str and type(other) is str:
        return one == other
    return as_compared(one) == as_compared(other)


def as_compared(value: Json) -> bytes:
    """Bytes that are equal for equal values; also of what no plan of ours holds, such as a lone surrogate."""
    try:
        return canonical.encode(value)
    except canonical.NotCanonical:
        return repr(value).encode(errors="surrogatepass")
