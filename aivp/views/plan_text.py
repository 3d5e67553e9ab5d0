"""A plan → the text that a person reviews in a terminal.

What destroys or disrupts is named first, every bit of it; then the hosts, those with the most severe steps first, each
with its steps in the order in which they will run; then what was left out, notes and the counts, which are the legend
of the signs. Pure: the same plan, width and switches give the same text.
"""

from __future__ import annotations

from collections.abc import Mapping

from aivp.plan.steps import Plan, Severity
from aivp.views import escape
from aivp.views import plan_words as words
from aivp.views.lay_out import lay_out
from aivp.views.lay_out_changes import count
from aivp.views.name_spans import name_spans
from aivp.views.outline import HostOutline, Outline, Reading
from aivp.views.page import Page, Piece
from aivp.views.step_text import DETAILS, LOOKED_AT_AGAIN, SIGNS, write_occurrences, write_step

FOLD = 20
"""Entries of a long list of names that are shown unless verbose."""


_SEVERITIES: Mapping[Severity, str] = {"destroy": "loud", "disrupt": "change", "change": "", "none": ""}


def reading(width: int, *, verbose: bool) -> Reading:
    """What fits into a terminal of `width` columns."""
    room = max(width, 40) - DETAILS
    return Reading(room, None, 20_000, is_whole=True) if verbose else Reading(room)


def render_plan(plan: Plan, *, width: int, color: bool, verbose: bool, digest: str | None = None) -> str:
    """The whole text, without a newline at its end. `digest`: of the plan's file, where the caller has it."""
    outline = lay_out(plan, reading(width, verbose=verbose), digest)
    return render_outline(outline, width=width, color=color, verbose=verbose)


def render_outline(plan: Outline, *, width: int, color: bool, verbose: bool) -> str:
    """The same of an outline that was made for this width."""
    page = Page(width, color=color)
    if not plan.is_applicable:
        _write_refusal(page)
    if plan.is_empty and (plan.unchanged or not plan.blocked):
        page.add(("good", "No changes."), ("", f" {words.nothing_to_do(plan)}"))
    _write_severe(page, plan)
    for host in plan.hosts:
        _write_host(page, host, is_verbose=verbose)
    _write_rollouts(page, plan)
    _write_takes_no_part(page, "Blocked", plan.blocked, is_verbose=verbose)
    _write_takes_no_part(page, "Left out", plan.left_out, is_verbose=verbose)
    _write_providers(page, plan)
    for note in plan.notes:
        page.add(("change", "Note: "), ("", escape.line(note)))
    if not plan.is_empty:
        _write_legend(page, plan)
        _write_summary(page, plan)
    if plan.digest is not None and not plan.is_empty:
        page.add(("faint", f"Digest {escape.line(plan.digest)}"))
    if not plan.is_applicable and not plan.is_empty:
        page.add(("loud", "This plan cannot be applied (see above)."))
    return page.text()


def _write_refusal(page: Page) -> None:
    page.add(("loud", "THIS PLAN CANNOT BE APPLIED."))
    page.paragraph(words.REFUSAL, indent=2)
    page.blank()


def _write_severe(page: Page, plan: Outline) -> None:
    """Every step that destroys or disrupts, however many: this list is never folded.

    Where a plan holds little else and all of it is shown, it would only say everything twice.
    """
    if not plan.severe or ("change" not in plan.severities and not _is_folded(plan)):
        return
    page.add(("loud", f"{words.headline(plan)}:"))
    for group in plan.severe:
        write_occurrences(page, group)
    page.blank()


def _is_folded(plan: Outline) -> bool:
    return any(len(host.names) > 1 or any(step.alike for step in host.steps) for host in plan.hosts)


def _write_host(page: Page, host: HostOutline, *, is_verbose: bool) -> None:
    names, is_shared = escape.line(words.host_names(host), 4000), len(host.names) > 1
    page.add(("strong", names), ("faint", f"  ({words.host_facts(host)})"))
    for step in host.steps:
        write_step(page, step, is_shared=is_shared, is_verbose=is_verbose)
    if host.checks:
        sign, meaning = SIGNS["check"]
        page.add((meaning, f"{sign:>3} {words.checks(host)} (--verbose lists them)"), indent=1, hang=DETAILS - 1)
    page.blank()


def _write_providers(page: Page, plan: Outline) -> None:
    """What the providers of these steps are started with: where an effect goes is part of what is reviewed."""
    if not plan.providers:
        return
    page.blank()
    for name, configuration in plan.providers.items():
        said = ", ".join(f"{member} {value}" for member, value in configuration.items())
        page.add(("", f"The provider {escape.line(name, 100)} is started with {said}."), hang=2)


def _write_rollouts(page: Page, plan: Outline) -> None:
    """In which rounds hosts are worked on is never folded: it decides how much can go wrong at once."""
    for rollout in plan.rollouts:
        page.add(("strong", f"Rollout of {escape.line(rollout.group, 400)}"), ("", f" {words.rollout_text(rollout)}"))
        for number, names in enumerate(rollout.rounds, 1):
            shown = ", ".join(escape.line(name, 400) for name in name_spans(names))
            page.add(("", f"{number:>3}. {shown}"), indent=1, hang=5)
        page.blank()


def _write_takes_no_part(page: Page, title: str, reasons: Mapping[str, str], *, is_verbose: bool) -> None:
    if not reasons:
        return
    page.blank()
    page.add(("change", f"{title}: {count(len(reasons), 'resource')}"))
    names = list(reasons)
    shown = names if is_verbose else names[:FOLD]
    for name in shown:
        page.add(("", f"{escape.line(name, 400)}: {escape.line(reasons[name], 1000)}"), indent=2)
    if len(names) > len(shown):
        page.add(("faint", f"... {len(names) - len(shown):,} more (--verbose lists them)"), indent=2)
    page.blank()


def _write_legend(page: Page, plan: Outline) -> None:
    page.blank()
    shown = [step for host in plan.hosts for step in host.steps if step.is_deferred or step.is_conditional]
    used = {"deferred" if step.is_deferred else LOOKED_AT_AGAIN for step in shown}
    for word, meaning in words.LEGEND.items():
        if word in used:
            page.add(("faint", f"{word}{':' if word.isalpha() else ''} {meaning}"))


def _write_summary(page: Page, plan: Outline) -> None:
    """Counts by severity, then by sign. The deletion that belongs to a replacement counts with it."""
    severities = [(_SEVERITIES[name] if name in plan.severities else "", text) for name, text in words.severities(plan)]
    page.add_parts(("strong", "Severity:"), *_ended(severities))
    roles = [("", text if name is None else f"{SIGNS[name][0]} {text}") for name, text in words.roles(plan)]
    title = f"Plan for {escape.line(plan.project)}/{escape.line(plan.environment)}:"
    page.add_parts(("strong", title), *_ended(roles))


def _ended(parts: list[Piece]) -> list[Piece]:
    """Parts of a sentence, with commas and a full stop."""
    return [(meaning, f"{text}{'.' if n == len(parts) else ','}") for n, (meaning, text) in enumerate(parts, 1)]
