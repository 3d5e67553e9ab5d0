"""A plan → a comment on a pull request, in the Markdown of GitHub and GitLab: 65,536 characters at most.

Where it would be longer, what counts most stays: summary, digest, everything that destroys or disrupts, then hosts as
far as they fit, the most severe first. The first line is a marker by which a pipeline finds its comment again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from aivp.plan.steps import Plan
from aivp.views import plan_words as words
from aivp.views.lay_out import lay_out
from aivp.views.lay_out_changes import count
from aivp.views.markdown_escape import code, fence, marker, size, span, summary
from aivp.views.markdown_steps import step_lines
from aivp.views.name_spans import name_spans
from aivp.views.outline import HostOutline, Occurrences, Outline, Reading

LIMIT = 65_536
"""Characters of a comment on GitHub."""

READING = Reading(room=110, lines=60, characters=400)

OPEN = 10
"""Steps of a plan whose details need no click."""

_FOLD = 20
_LONG = 4000
_SEVERE_SHARE = LIMIT // 3
_TAIL_SHARE = LIMIT // 5


def render_plan(plan: Plan, digest: str, limit: int = LIMIT) -> str:
    """The comment, without a newline at its end."""
    return render_outline(lay_out(plan, READING, digest), limit)


def render_outline(plan: Outline, limit: int = LIMIT) -> str:
    """The same of an outline."""
    head = [*_head(plan), *_severe(plan, _SEVERE_SHARE * limit // LIMIT)]
    tail = [*_within(_tail(plan), _TAIL_SHARE * limit // LIMIT), *_foot(plan)]
    room = limit - sum(size(text) + 2 for text in (*head, *tail)) - 300
    blocks, missing = _hosts(plan, room)
    if missing:
        blocks.append(f"**{count(missing, 'step')} not shown:** the plan is too large for a comment. {_ELSEWHERE}")
    return "\n\n".join((*head, *blocks, *tail))


_ELSEWHERE = "`aivp show FILE` shows all of it."


def _head(plan: Outline) -> Iterator[str]:
    yield marker(f"aivp/plan/{plan.project}/{plan.environment}")
    yield f"### Plan for {span(f'{plan.project}/{plan.environment}')}"
    if not plan.is_applicable:
        yield f"> **This plan cannot be applied.** {words.REFUSAL}"
    if plan.is_empty and (plan.unchanged or not plan.blocked):
        yield f"**No changes.** {words.nothing_to_do(plan)}"
    if not plan.is_empty:
        told = [
            f"**{text}**" if name in plan.severities and name in words.SEVERE else text
            for name, text in words.severities(plan)
        ]
        yield f"Severity: {', '.join(told)}.\\\n{', '.join(text for _, text in words.roles(plan)).capitalize()}."


def _severe(plan: Outline, room: int) -> Iterator[str]:
    """A list of what destroys or disrupts, a line for what happens in the same way for the same reason."""
    if plan.severe:
        yield f"**{words.headline(plan)}:**"
        yield "\n".join(_within(map(_severe_line, plan.severe), room))


def _severe_line(group: Occurrences) -> str:
    names = " · ".join(span(words.targets_text(targets), _LONG) for targets in group.targets)
    reason = f": {span(group.reason, 1000)}" if group.reason else ""
    number = f" {group.size:,}" if group.size > 1 else ""
    return f"- **{group.role}**{number} {names}{reason}"


def _within(parts: Iterable[str], room: int) -> Iterator[str]:
    """As many parts as fit; how many do not is said."""
    missing = 0
    for part in parts:
        if missing or size(part) + 2 > room:
            missing += 1
            continue
        room -= size(part) + 2
        yield part
    if missing:
        yield f"- ... {missing:,} more of these, too long for a comment. {_ELSEWHERE}"


def _hosts(plan: Outline, room: int) -> tuple[list[str], int]:
    """Hosts as far as there is room, the others with their most severe steps, and how many steps are not shown."""
    found: list[str] = []
    missing = 0
    for host in plan.hosts:
        told = 0
        for one in _ways(host):
            text = _host(one, is_open=plan.size <= OPEN)
            if size(text) + 2 <= room:
                found.append(text)
                room -= size(text) + 2
                told = _told(one)
                break
        missing += (host.size - told) * len(host.names)
    return found, missing


def _ways(host: HostOutline) -> Iterator[HostOutline]:
    """A host in ever fewer of its steps: all, the severe ones, and half as many of the first each time."""
    yield host
    severe = [step for step in host.steps if step.severity in words.SEVERE]
    if severe:
        yield replace(host, steps=severe, checks=())
    for halvings in range(1, len(host.steps).bit_length()):
        yield replace(host, steps=host.steps[: len(host.steps) >> halvings], checks=())


def _told(host: HostOutline) -> int:
    return sum(1 + len(step.alike) for step in host.steps) + len(host.checks)


def _host(host: HostOutline, *, is_open: bool) -> str:
    lines = [line for step in host.steps for line in step_lines(step, is_shared=len(host.names) > 1)]
    if host.checks:
        lines.append(f"# {words.checks(host)}")
    line = f"{code(words.host_names(host), 1000)} ({summary(words.host_facts(host))})"
    return f"<details{' open' if is_open else ''}><summary>{line}</summary>\n\n{fence(lines, 'diff')}\n\n</details>"


def _tail(plan: Outline) -> Iterator[str]:
    for rollout in plan.rollouts:
        rounds = (
            f"{number}. {', '.join(map(span, name_spans(names)))}" for number, names in enumerate(rollout.rounds, 1)
        )
        yield f"**Rollout of {span(rollout.group)}** {words.rollout_text(rollout)}\n\n" + "\n".join(rounds)
    for title, reasons in (("Blocked", plan.blocked), ("Left out", plan.left_out)):
        if reasons:
            yield _takes_no_part(title, reasons)
    for name, configuration in plan.providers.items():
        said = ", ".join(f"{member} {value}" for member, value in configuration.items())
        yield f"The provider {span(name, 100)} is started with {span(said, 2000)}."
    for note in plan.notes:
        yield f"**Note:** {span(note, 2000)}"


def _takes_no_part(title: str, reasons: Mapping[str, str]) -> str:
    names = list(reasons)
    lines = [f"- {span(name)}: {span(reasons[name], 1000)}" for name in names[:_FOLD]]
    if len(names) > len(lines):
        lines.append(f"- ... {len(names) - len(lines):,} more")
    return "\n".join((f"**{title}: {count(len(reasons), 'resource')}**", "", *lines))


def _foot(plan: Outline) -> Sequence[str]:
    found = [f"Digest {span(plan.digest)}"] if plan.digest is not None else []
    return found if plan.is_applicable else [*found, "**This plan cannot be applied** (see above)."]
