"""How two plans differ → a comment on a pull request; 65,536 characters at most, the verdict in front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aivp.plan.compare import PlanDifference
from aivp.views import plan_words as words
from aivp.views.lay_out_difference import ASPECTS, ChangedSteps, lay_out_plans
from aivp.views.markdown import LIMIT, READING
from aivp.views.markdown_escape import code, fence, marker, size, span
from aivp.views.markdown_steps import change_lines, step_lines
from aivp.views.outline import Occurrences, StepOutline


def render_difference(found: PlanDifference, names: tuple[str, str], plan: str, limit: int = LIMIT) -> str:
    """The comment, without a newline at its end. names: of the plans; plan: `project/environment`, for the marker."""
    outline = lay_out_plans(found, READING)
    head = [
        marker(f"aivp/diff/{plan}"),
        f"### {span(names[1])} compared with {span(names[0])}",
        f"**{outline.summary}**",
    ]
    if outline.origin:
        head.append(f"Not counted: they come from other {', '.join(outline.origin)}.")
    body = [
        *_steps(f"Only in {code(names[1])}", outline.appeared, outline.appeared_steps),
        *_steps(f"Only in {code(names[0])}", outline.vanished, outline.vanished_steps),
        *(_details(code(_title(item), 1000), list(_changed(item))) for item in outline.changed),
    ]
    if outline.around:
        body.append(_details("Around the steps", [line for item in outline.around for line in change_lines(item, 0)]))
    return "\n\n".join((*head, *_within(body, limit - sum(size(text) + 2 for text in head) - 200)))


def _steps(title: str, groups: Sequence[Occurrences], steps: Sequence[StepOutline]) -> Iterator[str]:
    lines = [line for step in steps for line in step_lines(step, is_shared=False)]
    for group in () if steps else groups:
        names = "; ".join(words.targets_text(targets) for targets in group.targets)
        lines.append(f"# {group.role} {group.size:,}: {names}: {group.reason}")
    if lines:
        yield _details(title, lines)


def _title(changed: ChangedSteps) -> str:
    now = f", now {changed.role_after}" if changed.role_after else ""
    return f"{changed.role}{now} {'; '.join(words.targets_text(targets) for targets in changed.targets)}"


def _changed(changed: ChangedSteps) -> Iterator[str]:
    for aspect, changes in changed.changes:
        yield f"# {ASPECTS[aspect]}:"
        for change in changes:
            yield from change_lines(change, 2)


def _details(title: str, lines: Sequence[str]) -> str:
    """`title` is HTML that is escaped already."""
    return f"<details open><summary>{title}</summary>\n\n{fence(lines, 'diff')}\n\n</details>"


def _within(parts: Sequence[str], room: int) -> Iterator[str]:
    missing = 0
    for part in parts:
        if size(part) + 2 <= room:
            room -= size(part) + 2
            yield part
        else:
            missing += 1
    if missing:
        yield f"**{missing:,} more of these,** too long for a comment: `aivp diff A B` shows all of it."
