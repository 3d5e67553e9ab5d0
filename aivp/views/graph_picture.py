"""An IR, or a plan, or both → what a picture of the graph holds: hosts, boxes on them, arrows between them.

Frozen values that every sink draws in its own way (SVG, Mermaid, HTML); nothing here is escaped yet, and nothing knows
a place on paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from aivp.model.graph import TYPE_ORDER
from aivp.model.resource import IR, EdgeType
from aivp.plan.steps import SEVERITIES, Plan, Severity, Step
from aivp.views.outline import Role, role

ROLES: tuple[Role, ...] = get_args(Role)
"""What a step may come to, in the order of the legend."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a plan does to what a box stands for: what it comes to, and how severe that is."""

    role: Role
    severity: Severity


@dataclass(frozen=True, slots=True)
class Box:
    """One resource, or several that are drawn as one.

    label: short, without the host; members: the addresses that it stands for, sorted; mark: None where a plan leaves
    it as it is, or none was given.
    """

    id: str
    host: str
    label: str
    kind: str
    members: Sequence[str]
    mark: Mark | None = None
    is_conditional: bool = False

    @property
    def text(self) -> str:
        """What stands in it: `file.motd`, or of several `file × 12`."""
        return self.label if len(self.members) == 1 else f"{self.label} × {len(self.members):,}"


@dataclass(frozen=True, slots=True)
class Arrow:
    """`before` (a box) is done before `after`: a box, or a host with all on it. `count`: links it stands for."""

    before: str
    after: str
    types: tuple[EdgeType, ...]
    count: int = 1
    is_to_host: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes by host, arrows, and what was left out of them.

    hosts: name → what is said beside it; sorted by name. resources: how many boxes stand for. folds: what was folded
    into what, as sentences for people; empty where each resource has a box of its own.
    """

    title: str
    hosts: Mapping[str, str]
    boxes: Sequence[Box]
    arrows: Sequence[Arrow]
    resources: int
    has_plan: bool = False
    folds: Sequence[str] = field(default=())


def picture_of(ir: IR, plan: Plan | None = None) -> Picture:
    """Every resource of `ir`; what `plan` does to it is marked. What the plan takes away is drawn, too."""
    marks = _marks(plan)
    boxes = [
        Box(address, item.host, _label(address, item.host), item.kind, (address,), marks.get(address), bool(item.when))
        for address, item in sorted(ir.resources.items())
    ]
    gone = {} if plan is None else {s.address: s for s in plan.steps if s.address not in ir.resources}
    boxes += [_box(step, marks) for _, step in sorted(gone.items())]
    links = [(edge.before, edge.after, edge.type) for edge in ir.edges]
    transports = {name: host.transport for name, host in ir.hosts.items()}
    return _picture(f"{ir.project}/{ir.environment}", boxes, links, transports, has_plan=plan is not None)


def picture_of_plan(plan: Plan) -> Picture:
    """The steps of a plan alone, and what waits for what among them: no more is in its file."""
    marks = _marks(plan)
    steps = {step.address: step for step in plan.steps}
    boxes = [_box(step, marks) for _, step in sorted(steps.items())]
    addresses = {step.id: step.address for step in plan.steps}
    links: list[tuple[str, str, EdgeType]] = [
        (addresses[other], step.address, "depends")
        for step in plan.steps
        for other in step.waits_for
        if other in addresses
    ]
    links += [(step.address, other, "notify") for step in plan.steps for other in step.notifies]
    transports = {name: item.host.transport for name, item in plan.hosts.items()}
    return _picture(f"{plan.project}/{plan.environment}", boxes, links, transports, has_plan=True)


def _picture(
    title: str,
    boxes: Sequence[Box],
    links: Iterable[tuple[str, str, EdgeType]],
    transports: Mapping[str, str],
    *,
    has_plan: bool,
) -> Picture:
    used = sorted({box.host for box in boxes})
    hosts = {name: transports.get(name, "") for name in used}
    places = {box.id: box.host for box in boxes}
    return Picture(title, hosts, boxes, _arrows(links, places), len(boxes), has_plan)


def _arrows(links: Iterable[tuple[str, str, EdgeType]], places: Mapping[str, str]) -> list[Arrow]:
    """One arrow between two boxes, whatever binds them; from what makes a host, one to that host instead of to each."""
    found: dict[tuple[str, str, bool], list[EdgeType]] = {}
    for before, after, kind in links:
        if before not in places or after not in places or before == after:
            continue
        is_to_host = kind == "host"
        found.setdefault((before, places[after] if is_to_host else after, is_to_host), []).append(kind)
    return [
        Arrow(before, after, tuple(item for item in TYPE_ORDER if item in types), 1, is_to_host)
        for (before, after, is_to_host), types in sorted(found.items())
    ]


def _marks(plan: Plan | None) -> Mapping[str, Mark]:
    """By address. Of a replacement's two steps, what creates says that it replaces: the most severe of both counts."""
    found: dict[str, Mark] = {}
    for step in plan.steps if plan is not None else ():
        mark = Mark(role(step), step.severity)
        other = found.get(step.address)
        if other is not None:
            worst = min(mark.severity, other.severity, key=SEVERITIES.index)
            mark = Mark("replace" if "replace" in (mark.role, other.role) else other.role, worst)
        found[step.address] = mark
    return found


def _box(step: Step, marks: Mapping[str, Mark]) -> Box:
    label = _label(step.address, step.host)
    return Box(step.address, step.host, label, step.kind, (step.address,), marks[step.address])


def _label(address: str, host: str) -> str:
    return address.removesuffix(f"@{host}")
