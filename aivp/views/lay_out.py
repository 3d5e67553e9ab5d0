"""A plan → its outline: the most severe first, hosts with what happens there, and of many alike one.

Pure: the same plan and reading give the same outline. Views walk it; nothing in it knows where it is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from aivp.model.address import CONTROLLER
from aivp.plan.steps import SEVERITIES, Cause, Plan, Severity, Step
from aivp.views.alike import FEW, HostGroup, StepGroup, alike_hosts, alike_steps, label, placeless
from aivp.views.lay_out_changes import lay_out_changes
from aivp.views.outline import (
    HostOutline,
    Occurrences,
    Outline,
    Reading,
    Role,
    RolloutOutline,
    StepOutline,
    Targets,
    role,
)
from aivp.views.value_text import value_text

_SEVERE: Sequence[Severity] = ("destroy", "disrupt")


def lay_out(plan: Plan, reading: Reading, digest: str | None = None) -> Outline:
    """The outline of `plan`. `digest`: of the plan's file, where the caller has it."""
    counted = _counted(plan)
    severities, roles = Counter(step.severity for step in counted), Counter(role(step) for step in counted)
    return Outline(
        project=plan.project,
        environment=plan.environment,
        digest=digest,
        is_applicable=plan.is_applicable,
        size=len(plan.steps),
        unchanged=plan.unchanged,
        severities={name: severities[name] for name in SEVERITIES if severities[name]},
        roles={name: roles[name] for name in get_args(Role) if roles[name]},
        severe=group_steps([step for step in counted if step.severity in _SEVERE]),
        hosts=_hosts(plan, reading),
        rollouts=[RolloutOutline(item.group, item.rounds, item.max_fail_percentage) for item in plan.rollouts],
        blocked=plan.blocked,
        left_out=plan.left_out,
        providers={
            name: {member: value_text(value) for member, value in configuration.items()}
            for name, configuration in plan.providers.items()
        },
        notes=plan.notes,
    )


def lay_out_step(step: Step, reading: Reading) -> StepOutline:
    """One step by itself."""
    return _step(StepGroup(step), HostGroup((step.host,), {}), reading)


def group_steps(steps: Sequence[Step]) -> list[Occurrences]:
    """The most severe first; together where sign and reason are the same, in order of appearance."""
    groups: dict[tuple[Severity, Role, str], list[Step]] = {}
    for step in sorted(steps, key=lambda step: SEVERITIES.index(step.severity)):
        groups.setdefault((step.severity, role(step), placeless(step.reason, step.host)), []).append(step)
    return [_group(*key, found) for key, found in groups.items()]


def targets(steps: Sequence[Step]) -> list[Targets]:
    """The steps as resources on hosts: those that stand on the same hosts together."""
    places: dict[str, list[str]] = {}
    for step in steps:
        places.setdefault(label(step), []).append(step.host)
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, hosts in places.items():
        groups.setdefault(tuple(hosts), []).append(name)
    return [Targets(names, hosts) for hosts, names in groups.items()]


def _counted(plan: Plan) -> list[Step]:
    """The steps but for deletions that belong to a replacement, which is one thing to its reader."""
    replaced = {step.address for step in plan.steps if role(step) == "replace"}
    return [step for step in plan.steps if step.action != "delete" or step.address not in replaced]


def _group(severity: Severity, name: Role, why: str, steps: Sequence[Step]) -> Occurrences:
    is_one = len({step.host for step in steps}) == 1
    return Occurrences(name, severity, steps[0].reason if is_one else why, targets(steps), len(steps))


def _hosts(plan: Plan, reading: Reading) -> list[HostOutline]:
    """The most severe first, then by name; a host that `plan.hosts` does not know must not hide its steps."""
    hosts: dict[str, list[Step]] = {}
    for step in plan.steps:
        hosts.setdefault(step.host, []).append(step)
    transports = {name: item.host.transport for name, item in plan.hosts.items()}
    is_folded = not reading.is_whole and len(plan.steps) > FEW
    groups = alike_hosts(hosts, transports) if is_folded else [HostGroup((name,), {}) for name in hosts]
    found = [_host(group, hosts[group.names[0]], transports, reading, is_folded=is_folded) for group in groups]
    return sorted(found, key=lambda item: (SEVERITIES.index(item.severity), item.names[0]))


def _host(
    group: HostGroup, steps: Sequence[Step], transports: Mapping[str, str], reading: Reading, *, is_folded: bool
) -> HostOutline:
    told = [step for step in steps if reading.is_whole or role(step) != "check"]
    groups = alike_steps(told) if is_folded else [StepGroup(step) for step in told]
    name = group.names[0]
    return HostOutline(
        names=group.names,
        transport="" if name == CONTROLLER else transports.get(name, ""),
        severity=min((step.severity for step in steps), key=SEVERITIES.index),
        size=len(steps),
        steps=[_step(item, group, reading) for item in groups],
        checks=[step.address for step in steps if role(step) == "check"] if len(told) < len(steps) else (),
    )


def _step(group: StepGroup, hosts: HostGroup, reading: Reading) -> StepOutline:
    step = group.step
    return StepOutline(
        id=step.id,
        address=step.address,
        label=label(step),
        kind=step.kind,
        host=step.host,
        role=role(step),
        severity=step.severity,
        reason=step.reason if len(hosts.names) == 1 else placeless(step.reason, step.host),
        cause=_cause(step),
        is_conditional=step.is_conditional,
        is_deferred=step.is_deferred,
        previous=step.previous,
        changes=lay_out_changes(step, reading),
        waits_for=step.waits_for,
        notifies=step.notifies,
        bounds=step.bounds if step.is_conditional else (),
        remarks=_remarks(step),
        alike=[other.address for other in group.others],
        varies=group.varies,
        varies_by_host=hosts.varies.get(step.id, ()),
    )


def _cause(step: Step) -> Cause | Literal["both"] | None:
    causes = {change.cause for change in step.changes}
    if len(causes) > 1:
        return "both"
    return "drift" if step.is_drift else next(iter(causes), None)


def _remarks(step: Step) -> list[str]:
    found = []
    if step.provenance == "adopted" and step.action != "adopt":
        found.append("was there before; never deleted unasked")
    if step.lifecycle.prevent_destroy:
        found.append("lifecycle: prevent_destroy")
    return found
