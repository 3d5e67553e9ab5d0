"""A plan → the text that a person reviews in a terminal.

What destroys or disrupts is named first, step by step; then the hosts, those with the most severe steps first, each
with its steps in the order in which they will run; then what was left out, notes and the count, which is the legend of
the signs. Pure: the same plan, width and switches give the same text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from aivp.model.address import CONTROLLER
from aivp.plan.steps import SEVERITIES, Plan, Severity, Step
from aivp.views import escape
from aivp.views.page import Page
from aivp.views.step_text import DETAILS, LOOKED_AT_AGAIN, SIGNS, role, write_step, write_title
from aivp.views.value_text import value_text

FOLD = 20
"""Entries of a long list of names that are shown unless verbose."""

_WORDS: Mapping[str, str] = {
    "refresh": "refresh if notified",
    "check": "check again",
    "no-op": "record",
}
_SEVERE: Sequence[tuple[Severity, str]] = (("destroy", "destroys"), ("disrupt", "disrupts"))
_LEGEND = (
    (LOOKED_AT_AGAIN, "looked at again just before its effect, since an earlier step may disturb it; may only do less"),
    ("deferred:", "what it needs is known only during apply; may do nothing beyond what is shown"),
)


def render_plan(plan: Plan, *, width: int, color: bool, verbose: bool, digest: str | None = None) -> str:
    """The whole text, without a newline at its end. `digest`: of the plan's file, where the caller has it."""
    page = Page(width, color=color)
    if not plan.is_applicable:
        _write_refusal(page)
    if plan.is_empty and (plan.unchanged or not plan.blocked):
        are = "resource is" if plan.unchanged == 1 else "resources are"
        page.add(("good", "No changes."), ("", f" {plan.unchanged:,} {are} as declared."))
    _write_severe(page, plan)
    for name, steps in _by_host(plan):
        _write_host(page, plan, name, steps, is_verbose=verbose)
    _write_rollouts(page, plan)
    _write_takes_no_part(page, "Blocked", plan.blocked, is_verbose=verbose)
    _write_takes_no_part(page, "Left out", plan.left_out, is_verbose=verbose)
    _write_providers(page, plan)
    for note in plan.notes:
        page.add(("change", "Note: "), ("", escape.line(note)))
    if not plan.is_empty:
        _write_legend(page, plan, is_verbose=verbose)
        _write_summary(page, plan)
    if digest is not None and not plan.is_empty:
        page.add(("faint", f"Digest {escape.line(digest)}"))
    if not plan.is_applicable and not plan.is_empty:
        page.add(("loud", "This plan cannot be applied (see above)."))
    return page.text()


def _write_refusal(page: Page) -> None:
    page.add(("loud", "THIS PLAN CANNOT BE APPLIED."))
    page.paragraph(
        "Some of what the hosts would answer is not known: its evidence was recorded for an older declaration, or with"
        " --untrusted (see the notes). Observe again, or plan without --observed and --untrusted.",
        indent=2,
    )
    page.blank()


def _write_severe(page: Page, plan: Plan) -> None:
    """Every step that destroys or disrupts, however many: this list is never folded.

    Where a plan holds little else, it would only say everything twice.
    """
    replaced = _replaced(plan)
    steps = [step for step in plan.steps if step.action != "delete" or step.address not in replaced]
    found = {severity: [step for step in steps if step.severity == severity] for severity, _ in _SEVERE}
    if not any(found.values()) or all(step.severity != "change" for step in steps):
        return
    counts = ", ".join(f"{word} {len(found[severity]):,}" for severity, word in _SEVERE if found[severity])
    page.add(("loud", f"{counts.capitalize()}:"))
    for severity, _ in _SEVERE:
        for step in found[severity]:
            write_title(page, step, with_marks=False)
    page.blank()


def _by_host(plan: Plan) -> list[tuple[str, list[Step]]]:
    """Hosts with their steps; a host that `plan.hosts` does not know must not hide its steps."""
    found: dict[str, list[Step]] = {}
    for step in plan.steps:
        found.setdefault(step.host, []).append(step)
    return sorted(found.items(), key=lambda item: (min(SEVERITIES.index(step.severity) for step in item[1]), item[0]))


def _write_host(page: Page, plan: Plan, name: str, steps: Sequence[Step], *, is_verbose: bool) -> None:
    transport = f"{escape.line(plan.hosts[name].host.transport, 40)}, " if name in plan.hosts else ""
    if name == CONTROLLER:
        transport = "beside aivp, "
    page.add(("strong", escape.line(name, 400)), ("faint", f"  ({transport}{_count(len(steps), 'step')})"))
    folded = 0
    for step in steps:
        if is_verbose or role(step) != "check":
            write_step(page, step, is_verbose=is_verbose)
        else:
            folded += 1
    if folded:
        sign, meaning = SIGNS["check"]
        as_declared = f"{_count(folded, 'resource')} as declared, to check again after earlier steps"
        page.add((meaning, f"{sign:>3} {as_declared} (--verbose lists them)"), indent=1, hang=DETAILS - 1)
    page.blank()


def _write_providers(page: Page, plan: Plan) -> None:
    """What the providers of these steps are started with: where an effect goes is part of what is reviewed."""
    if not plan.providers:
        return
    page.blank()
    for name, configuration in plan.providers.items():
        said = ", ".join(f"{member} {value_text(value)}" for member, value in configuration.items())
        page.add(("", f"The provider {escape.line(name, 100)} is started with {said}."), hang=2)


def _write_rollouts(page: Page, plan: Plan) -> None:
    """In which rounds hosts are worked on is never folded: it decides how much can go wrong at once."""
    for rollout in plan.rollouts:
        most = rollout.max_fail_percentage
        may = f"more than {most}% of its hosts fail" if most else "any of its hosts fails"
        said = f" in {_count(len(rollout.rounds), 'round')}; none begins after a round in which {may}"
        page.add(("strong", f"Rollout of {escape.line(rollout.group, 400)}"), ("", said))
        for number, names in enumerate(rollout.rounds, 1):
            page.add(("", f"{number:>3}. {', '.join(escape.line(name, 400) for name in names)}"), indent=1, hang=5)
        page.blank()


def _write_takes_no_part(page: Page, title: str, reasons: Mapping[str, str], *, is_verbose: bool) -> None:
    if not reasons:
        return
    page.blank()
    page.add(("change", f"{title}: {_count(len(reasons), 'resource')}"))
    names = list(reasons)
    shown = names if is_verbose else names[:FOLD]
    for name in shown:
        page.add(("", f"{escape.line(name, 400)}: {escape.line(reasons[name], 1000)}"), indent=2)
    if len(names) > len(shown):
        page.add(("faint", f"... {len(names) - len(shown):,} more (--verbose lists them)"), indent=2)
    page.blank()


def _write_legend(page: Page, plan: Plan, *, is_verbose: bool) -> None:
    page.blank()
    shown = [step for step in plan.steps if is_verbose or role(step) != "check"]
    used = {"deferred:" if step.is_deferred else LOOKED_AT_AGAIN for step in shown if _is_marked(step)}
    for word, meaning in _LEGEND:
        if word in used:
            page.add(("faint", f"{word} {meaning}"))


def _is_marked(step: Step) -> bool:
    return step.is_deferred or step.is_conditional


def _write_summary(page: Page, plan: Plan) -> None:
    """Counts by sign. The deletion that belongs to a replacement counts with it."""
    replaced = _replaced(plan)
    roles = [role(step) for step in plan.steps if step.action != "delete" or step.address not in replaced]
    counts = Counter(roles)
    parts = [f"{SIGNS[name][0]} {counts[name]:,} to {_WORDS.get(name, name)}" for name in SIGNS if counts[name]]
    parts.append(f"{plan.unchanged:,} unchanged")
    for word, reasons in (("blocked", plan.blocked), ("left out", plan.left_out)):
        if reasons:
            parts.append(f"{len(reasons):,} {word}")
    texts = [("", f"{part}{'.' if number == len(parts) else ','}") for number, part in enumerate(parts, 1)]
    page.add_parts(("strong", f"Plan for {escape.line(plan.project)}/{escape.line(plan.environment)}:"), *texts)


def _replaced(plan: Plan) -> set[str]:
    """Addresses whose deletion and creation belong together."""
    return {step.address for step in plan.steps if role(step) == "replace"}


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
