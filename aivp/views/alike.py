"""Steps and hosts on which the same happens, so that a reader of 2,000 steps reads each of them once.

Alike are steps of one kind with the same action, reason and changed fields. Where most of them bring the same value,
one that brings another stands by itself: what is unusual is never folded. Works on steps as they stand in the plan.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from aivp_contract.pointer import parts
from aivp_contract.values import Json, Tagged

from aivp.model.expression import Fact, Ref
from aivp.plan.steps import Step
from aivp.views.outline import role

FEW = 40
"""Steps of a whole plan that are all shown: nobody needs folding to read them."""

MANY = 8
"""Steps alike on one host, or hosts whose values vary, from which on they are folded."""

SHOWN = 3
"""Of many steps alike with values of their own, those that are shown; the last one speaks for the rest."""


@dataclass(frozen=True, slots=True)
class StepGroup:
    """A step with those that it speaks for. varies: fields in which some of these have other values."""

    step: Step
    others: Sequence[Step] = ()
    varies: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class HostGroup:
    """Hosts that are told together, as what happens on the first; varies: id of a step → fields that vary."""

    names: Sequence[str]
    varies: Mapping[str, Sequence[str]]


def alike_steps(steps: Sequence[Step]) -> list[StepGroup]:
    """The steps of one host in their order, each told or folded into one that is."""
    likeness = [_likeness(step) for step in steps]
    groups: dict[Hashable, list[Step]] = {}
    for step, key in zip(steps, likeness, strict=True):
        groups.setdefault(key, []).append(step)
    speakers: dict[str, StepGroup] = {}
    folded: set[str] = set()
    for group in groups.values():
        usual = _usual([[step] for step in group]) if len(group) >= MANY else []
        if len(usual) < MANY:
            continue
        members = [group[number] for number in usual]
        varies = _varying([[step] for step in members])[0]
        shown = members[: SHOWN if varies else 1]
        speakers[shown[-1].id] = StepGroup(shown[-1], members[len(shown) :], varies)
        folded.update(step.id for step in members[len(shown) :])
    return [speakers.get(step.id, StepGroup(step)) for step in steps if step.id not in folded]


def alike_hosts(hosts: Mapping[str, Sequence[Step]], transports: Mapping[str, str]) -> list[HostGroup]:
    """Every host once, together with those on which the same happens; names sorted within each group."""
    groups: dict[Hashable, list[str]] = {}
    for name in sorted(hosts):
        shape = (transports.get(name), tuple((label(step), _likeness(step)) for step in hosts[name]))
        groups.setdefault(shape, []).append(name)
    found: list[HostGroup] = []
    for names in groups.values():
        usual = _usual([hosts[name] for name in names]) if len(names) > 1 else [0]
        together = [names[number] for number in usual]
        varying = _varying([hosts[name] for name in together])
        if any(varying) and len(together) < MANY:
            together, varying = [], []
        found += [HostGroup((name,), {}) for name in names if name not in set(together)]
        if together:
            steps = hosts[together[0]]
            found.append(
                HostGroup(tuple(together), {s.id: fields for s, fields in zip(steps, varying, strict=True) if fields})
            )
    return found


def label(step: Step) -> str:
    """The address without the host, which is told above it."""
    return step.address.removesuffix(f"@{step.host}")


def placeless(text: str, host: str) -> str:
    """`text` with addresses on `host` lacking it: `notified by file.site`."""
    end = f"@{host}"
    return text if end not in text else re.sub(rf"{re.escape(end)}(?![\w.@\[-])", "", text)


def _likeness(step: Step) -> Hashable:
    """What steps must share to be alike: everything that is shown of them but names and values."""
    return (
        *(step.kind, role(step), step.severity, step.is_conditional, step.is_deferred, step.provenance),
        step.action if step.action == "move" else placeless(step.reason, step.host),
        step.lifecycle.prevent_destroy,
        tuple((change.op, *parts(change.path)[:1], change.cause) for change in step.changes),
    )


def _values(step: Step) -> list[Hashable]:
    """One thing to compare for each change."""
    return [(change.path, _key(change.before, step.host), _key(change.after, step.host)) for change in step.changes]


def _usual(rows: Sequence[Sequence[Step]]) -> list[int]:
    """Numbers of those rows in which no value differs from one that more than half of the rows share."""
    columns = _columns(rows)
    odd: set[int] = set()
    for column in columns:
        value, times = Counter(column).most_common(1)[0]
        if times < len(rows) < 2 * times:
            odd.update(number for number, other in enumerate(column) if other != value)
    return [number for number in range(len(rows)) if number not in odd]


def _varying(rows: Sequence[Sequence[Step]]) -> list[tuple[str, ...]]:
    """For each step of a row, the names of fields whose values are not the same in all rows."""
    if not rows:
        return []
    names = [[".".join(parts(change.path)[:1]) for change in step.changes] for step in rows[0]]
    columns = iter(_columns(rows))
    return [tuple(dict.fromkeys(name for name in fields if len(set(next(columns))) > 1)) for fields in names]


def _columns(rows: Sequence[Sequence[Step]]) -> list[tuple[Hashable, ...]]:
    """The values of all rows, change by change: rows alike have as many changes."""
    return list(zip(*([value for step in row for value in _values(step)] for row in rows), strict=True))


def _key(value: Json, host: str) -> Hashable:
    """`value` as something to compare with; types count, the host's own name in references does not."""
    match value:
        case Ref(to, path):
            return ("ref", to.removesuffix(f"@{host}"), path)
        case Fact(place, path):
            return ("fact", None if place == host else place, path)
        case Tagged():
            return (value.tag, _key(dict(value.form()), host))
        case dict():
            return ("map", *((name, _key(value[name], host)) for name in sorted(value)))
        case list() | tuple():
            return ("list", *(_key(item, host) for item in value))
        case _:
            return (type(value).__name__, value)
