"""A plan → the text that a person reviews in a terminal.

Destruction is named first; then each host with its steps in the order in which they will run; then what was left out
and the count. Pure: the same plan, width and switches give the same text.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from aivp.plan.steps import Plan, Step, StepChange
from aivp.views import escape
from aivp.views.style import Style
from aivp.views.value_text import value_text

SIGNS: Mapping[str, tuple[str, str]] = {
    "create": ("+", "good"),
    "update": ("~", "change"),
    "replace": ("±", "bad"),
    "delete": ("-", "bad"),
    "adopt": (">", "accent"),
    "move": ("→", "accent"),
    "forget": ("×", "faint"),
    "refresh": ("↻", "change"),
    "no-op": ("?", "faint"),
}
"""Action → sign and colour."""

NOUNS: Mapping[str, str] = {
    "create": "to create",
    "update": "to update",
    "replace": "to replace",
    "delete": "to delete",
    "adopt": "to adopt",
    "move": "to move",
    "forget": "to forget",
    "refresh": "to refresh if notified",
    "no-op": "to look at again",
}

FOLD = 40
"""Lines of a text diff that are shown unless verbose."""


def render_plan(plan: Plan, *, width: int, color: bool, verbose: bool) -> str:
    """The whole text, without a newline at its end."""
    view = _View(plan, max(width, 40), Style(color), verbose)
    return "\n".join(line.rstrip() for line in view.lines())


class _View:
    def __init__(self, plan: Plan, width: int, style: Style, is_verbose: bool) -> None:
        self.plan = plan
        self.width = width
        self.style = style
        self.is_verbose = is_verbose

    def lines(self) -> Iterator[str]:
        if not self.plan.is_applicable:
            yield self.style("loud", "This plan cannot be applied: its evidence is of an older declaration.")
            yield ""
        if self.plan.is_empty:
            yield self.style("good", "No changes.") + f" {_count(self.plan.unchanged, 'resource')} as declared."
            yield from self._left_out()
            return
        yield from self._warning()
        for name in self.plan.hosts:
            steps = [step for step in self.plan.steps if step.host == name]
            yield self.style("strong", escape.line(name)) + self.style("faint", f" ({_count(len(steps), 'step')})")
            yield from self._host(steps)
            yield ""
        yield from self._left_out()
        yield self._summary()

    def _warning(self) -> Iterator[str]:
        lost = [step for step in self.plan.steps if step.severity == "destroy"]
        if lost:
            yield self.style("loud", f"Destroys {_count(len(lost), 'thing')}:")
            for step in lost if self.is_verbose else lost[:10]:
                yield f"  {self._sign(step)} {escape.line(step.address)}: {escape.line(step.reason)}"
            if len(lost) > 10 and not self.is_verbose:
                yield f"  … and {len(lost) - 10} more"
            yield ""

    def _host(self, steps: Sequence[Step]) -> Iterator[str]:
        checks = [step for step in steps if step.action == "no-op"]
        for step in steps:
            if step.action != "no-op" or self.is_verbose:
                yield from self._step(step)
        if checks and not self.is_verbose:
            what = f"? {_count(len(checks), 'unchanged resource')} to look at again, since an earlier step may disturb them"
            yield self.style("faint", f"  {what}")

    def _step(self, step: Step) -> Iterator[str]:
        yield f"  {self._sign(step)} {self.style('strong', escape.line(step.address))}  {self._why(step)}"
        for change in step.changes:
            yield from self._change(step, change)
        if step.previous is not None and step.action == "move":
            yield f"      from {escape.line(step.previous)}"
        if self.is_verbose and step.waits_for:
            yield self.style("faint", f"      waits for {', '.join(escape.line(name) for name in step.waits_for)}")

    def _why(self, step: Step) -> str:
        marks = [escape.line(step.reason)]
        if step.cause == "drift" and "drift" not in step.reason:
            marks.append("drift")
        if step.is_deferred:
            marks.append("inputs known during apply")
        return self.style("faint", f"({'; '.join(marks)})")

    def _sign(self, step: Step) -> str:
        sign, meaning = SIGNS[step.action]
        if step.severity == "destroy" and step.action == "update":
            sign, meaning = "-", "bad"
        return self.style(meaning, sign)

    def _change(self, step: Step, change: StepChange) -> Iterator[str]:
        name = escape.line(change.path.lstrip("/").replace("/", ".").replace("~1", "/").replace("~0", "~"))
        if _is_long(change.before) or _is_long(change.after):
            yield from self._text(name, change)
            return
        room = max(self.width - len(name) - 12, 24)
        after = value_text(change.after, room)
        if step.action == "create" or change.op == "add":
            yield f"      {name}: {self.style('good', after)}"
        elif change.op == "remove":
            yield f"      {name}: {self.style('bad', value_text(change.before, room))} {self.style('faint', '(removed)')}"
        else:
            before = value_text(change.before, room)
            yield f"      {name}: {self.style('bad', before)} → {self.style('good', after)}{self._cause(step, change)}"

    def _cause(self, step: Step, change: StepChange) -> str:
        """Said of a field only where its step mixes both."""
        causes = {item.cause for item in step.changes}
        return self.style("faint", f"  ({change.cause})") if len(causes) > 1 else ""

    def _text(self, name: str, change: StepChange) -> Iterator[str]:
        before = change.before.splitlines() if isinstance(change.before, str) else []
        after = change.after.splitlines() if isinstance(change.after, str) else []
        yield f"      {name}:"
        if change.before is not None and not isinstance(change.before, str):
            yield f"        {self.style('faint', 'before: ' + value_text(change.before))}"
        body = list(difflib.unified_diff(before, after, lineterm="", n=3))[2:]
        shown = body if self.is_verbose else body[:FOLD]
        for text in shown:
            meaning = {"+": "good", "-": "bad", "@": "accent"}.get(text[:1])
            plain = escape.line(text, 2000 if self.is_verbose else self.width)
            yield f"        {self.style(meaning, plain) if meaning else plain}"
        if len(body) > len(shown):
            yield self.style("faint", f"        … {len(body) - len(shown)} more lines (--verbose shows them)")
        if not isinstance(change.after, str):
            yield f"        {self.style('good', 'after: ' + value_text(change.after))}"

    def _left_out(self) -> Iterator[str]:
        if self.plan.left_out:
            yield self.style("change", f"Left out: {_count(len(self.plan.left_out), 'resource')}")
            names = list(self.plan.left_out)
            for name in names if self.is_verbose else names[:10]:
                yield f"  {escape.line(name)}: {escape.line(self.plan.left_out[name])}"
            if len(names) > 10 and not self.is_verbose:
                yield f"  … and {len(names) - 10} more"
            yield ""
        for note in self.plan.notes:
            yield f"Note: {escape.line(note)}"

    def _summary(self) -> str:
        counts: dict[str, int] = {}
        for step in self.plan.steps:
            counts[step.action] = counts.get(step.action, 0) + 1
        parts = [f"{counts[action]} {NOUNS[action]}" for action in NOUNS if action in counts]
        return self.style("strong", "Plan: ") + ", ".join(parts) + f"; {self.plan.unchanged} unchanged."


def _is_long(value: object) -> bool:
    return isinstance(value, str) and "\n" in value.rstrip("\n")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
