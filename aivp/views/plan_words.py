"""What is said of a plan in words, for every sink alike: counts, hosts, what varies. Gives plain text, not escaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aivp.model.address import CONTROLLER
from aivp.plan.steps import SEVERITIES, Severity
from aivp.views.lay_out_changes import count
from aivp.views.name_spans import few, name_spans
from aivp.views.outline import Change, ElementChange, HostOutline, Outline, Role, RolloutOutline, StepOutline, Targets

SEVERE: Mapping[Severity, str] = {"destroy": "destroys", "disrupt": "disrupts"}
"""What is named first, as verbs."""

REFUSAL = (
    "Some of what the hosts would answer is not known: its evidence was recorded for an older declaration, or with"
    " --untrusted (see the notes). Observe again, or plan without --observed and --untrusted."
)
"""Why a plan cannot be applied."""

LEGEND: Mapping[str, str] = {
    "*": "looked at again just before its effect, since an earlier step may disturb it; may only do less",
    "deferred": "what it needs is known only during apply; may do nothing beyond what is shown",
}
"""What marks of steps mean."""

HOSTS = 8
"""Names, or spans of names, of hosts that are told together."""

_SEVERITIES: Mapping[Severity, str] = {"none": "touch nothing"}
_ROLES: Mapping[str, str] = {"refresh": "refresh if notified", "check": "check again", "no-op": "record"}


def severities(plan: Outline) -> Iterator[tuple[Severity, str]]:
    """`3 destroy`, `0 disrupt`, `5 change`: that nothing is destroyed or disrupted is worth saying."""
    for name in SEVERITIES:
        if name in SEVERE or name in plan.severities:
            yield name, f"{plan.severities.get(name, 0):,} {_SEVERITIES.get(name, name)}"


def roles(plan: Outline) -> Iterator[tuple[Role | None, str]]:
    """`3 to create`, `1 to refresh if notified`, then what does not happen: `12 unchanged`, `2 blocked`."""
    for name, number in plan.roles.items():
        yield name, f"{number:,} to {_ROLES.get(name, name)}"
    yield None, f"{plan.unchanged:,} unchanged"
    for word, reasons in (("blocked", plan.blocked), ("left out", plan.left_out)):
        if reasons:
            yield None, f"{len(reasons):,} {word}"


def headline(plan: Outline) -> str:
    """`Destroys 3, disrupts 1`; empty where nothing does."""
    told = (f"{word} {plan.severities[name]:,}" for name, word in SEVERE.items() if name in plan.severities)
    return ", ".join(told).capitalize()


def nothing_to_do(plan: Outline) -> str:
    """`120 resources are as declared.`"""
    return f"{plan.unchanged:,} {'resource is' if plan.unchanged == 1 else 'resources are'} as declared."


def host_names(host: HostOutline) -> str:
    """Its name, or those of all hosts that are told together, as far as they can be said."""
    shown, more = few(host.names, HOSTS)
    return f"{shown} and {more:,} more" if more else shown


def host_facts(host: HostOutline) -> str:
    """`ssh, 3 steps`; `99 hosts over ssh, 20 steps on each, alike`."""
    transport = "beside aivp" if host.names[0] == CONTROLLER else host.transport[:40]
    if len(host.names) == 1:
        return ", ".join(filter(None, (transport, count(host.size, "step"))))
    over = f" over {transport}" if transport else ""
    alike = "alike" if any(step.varies_by_host for step in host.steps) else "the same"
    return f"{count(len(host.names), 'host')}{over}, {count(host.size, 'step')} on each, {alike}"


def checks(host: HostOutline) -> str:
    """What is folded because it only looks again."""
    return f"{count(len(host.checks), 'resource')} as declared, to check again after earlier steps"


def targets_text(targets: Targets) -> str:
    """`file.a, file.b[0] .. file.b[9] on web1 .. web5`; with their host where there is only one."""
    if len(targets.hosts) == 1:
        return ", ".join(name_spans(f"{name}@{targets.hosts[0]}" for name in targets.labels))
    labels, hosts = ", ".join(name_spans(targets.labels)), ", ".join(name_spans(targets.hosts))
    return f"{labels} on {hosts} ({count(len(targets.hosts), 'host')})"


def rollout_text(rollout: RolloutOutline) -> str:
    """In how many rounds, and what holds the next one back."""
    may = f"more than {rollout.most}% of its hosts fail" if rollout.most else "any of its hosts fails"
    return f"in {count(len(rollout.rounds), 'round')}; none begins after a round in which {may}"


def marks(step: StepOutline) -> str:
    """What neither action nor reason says."""
    found = ["disrupts"] if step.severity == "disrupt" else []
    found += ["deferred"] if step.is_deferred else []
    found += [f"{differing(step.varies_by_host)} from host to host"] if step.varies_by_host else []
    return "; ".join(found)


def alike_text(step: StepOutline, most: int, *, is_shared: bool) -> tuple[str, str]:
    """`and 51 like it`, and which; is_shared: these are on many hosts, so that no host is named."""
    end = f"@{step.host}"
    shown, more = few([name.removesuffix(end) for name in step.alike] if is_shared else step.alike, most)
    but = f", but {differing(step.varies)}" if step.varies else ""
    return f"and {len(step.alike):,} like it", f"{but}: {shown}{f', {more:,} more' if more else ''}"


def note(change: Change) -> str:
    """What is there instead of what was needs a word; the cause, only where a step mixes both."""
    if not isinstance(change, ElementChange) and change.is_forcing:
        return "forces the replacement"
    return change.cause or ""


def differing(fields: Sequence[str]) -> str:
    """`content differs`, `content, mode differ`."""
    shown = fields[:5]
    return f"{', '.join(shown)}{' ...' if len(fields) > 5 else ''} differ{'s' if len(shown) == 1 else ''}"
