"""How two plans differ → the text that a person reads in a terminal: the most severe first, the verdict last."""

from __future__ import annotations

from collections.abc import Sequence

from aivp.plan.compare import PlanDifference
from aivp.views import escape
from aivp.views import plan_words as words
from aivp.views.change_text import write_change
from aivp.views.lay_out_difference import ASPECTS, ChangedSteps, lay_out_plans
from aivp.views.outline import Occurrences, StepOutline
from aivp.views.page import Page
from aivp.views.plan_text import reading
from aivp.views.step_text import DETAILS, SIGNS, WIDEST, write_occurrences, write_step


def render_difference(found: PlanDifference, names: tuple[str, str], *, width: int, color: bool, verbose: bool) -> str:
    """The whole text, without a newline at its end. names: of the two plans' files."""
    page = Page(width, color=color)
    outline = lay_out_plans(found, reading(width, verbose=verbose))
    shown = [escape.line(name, 400) for name in names]
    _write_steps(page, f"Only in {shown[1]}", outline.appeared, outline.appeared_steps, is_verbose=verbose)
    _write_steps(page, f"Only in {shown[0]}", outline.vanished, outline.vanished_steps, is_verbose=verbose)
    for changed in outline.changed:
        _write_changed(page, changed)
    if outline.around:
        page.add(("strong", "Around the steps:"))
        for change in outline.around:
            write_change(page, change, DETAILS)
        page.blank()
    if outline.origin:
        page.add(("faint", f"Not counted: they come from other {', '.join(outline.origin)}."))
    page.add(("good" if outline.is_same else "loud", outline.summary))
    return page.text()


def _write_steps(
    page: Page, title: str, groups: Sequence[Occurrences], steps: Sequence[StepOutline], *, is_verbose: bool
) -> None:
    if not groups:
        return
    page.add(("strong", f"{title}:"))
    for step in steps:
        write_step(page, step, is_shared=False, is_verbose=is_verbose)
    for group in () if steps else groups:
        write_occurrences(page, group)
    page.blank()


def _write_changed(page: Page, changed: ChangedSteps) -> None:
    sign, meaning = SIGNS[changed.role_after or changed.role]
    now = f"; now {changed.role_after}" if changed.role_after else ""
    title = "; ".join(words.targets_text(targets) for targets in changed.targets)
    page.add(
        ("strong", "Differs: "),
        (meaning, f"{sign:>{WIDEST}} "),
        ("strong", escape.line(title, 20_000)),
        ("", f" ({changed.role}{now})"),
        hang=DETAILS,
    )
    for aspect, changes in changed.changes:
        page.add(("faint", f"{ASPECTS[aspect]}:"), indent=DETAILS - 2)
        for change in changes:
            write_change(page, change, DETAILS)
    page.blank()
