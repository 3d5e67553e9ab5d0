"""Runs as text: a line for each step that ends, and tables of what was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from aivp.events import Event, RunEnded, RunStarted, StepEnded, StepsStarted
from aivp.state import RunRecord, StepRecord
from aivp.views import escape
from aivp.views.plan_text import SIGNS
from aivp.views.style import Style

STATUS: Mapping[str, str] = {"done": "good", "failed": "bad", "blocked": "change", "stale": "bad", "skipped": "faint"}

NEXT: Mapping[str, str] = {
    "done": "",
    "failed": "Mend the cause, then: aivp apply --resume (or change the declaration and plan again).",
    "interrupted": "Go on with: aivp apply --resume. Or settle it: aivp runs abandon.",
}


class RunPrinter:
    """Listens to a run's events and says a line for what matters."""

    def __init__(self, say: Callable[[str], None], *, color: bool, verbose: bool) -> None:
        self.say = say
        self.style = Style(color)
        self.is_verbose = verbose

    def listen(self, event: Event) -> None:
        """Print what a person wants to know of `event`."""
        match event:
            case RunStarted():
                word = "Resuming" if event.is_resumed else "Applying"
                self.say(f"{word} ({event.steps} step{'' if event.steps == 1 else 's'}, run {event.run})")
            case StepEnded():
                self._step(event)
            case RunEnded():
                self._end(event)
            case StepsStarted():
                if self.is_verbose:
                    self.say(self.style("faint", f"  {event.host}: {len(event.steps)} steps sent"))

    def _step(self, event: StepEnded) -> None:
        is_quiet = event.action == "no-op" or event.status == "skipped"
        if is_quiet and event.status in ("done", "skipped") and not self.is_verbose:
            return
        sign, meaning = SIGNS.get(event.action, ("·", "faint"))
        status = "" if event.status == "done" else self.style(STATUS.get(event.status, "bad"), f"  {event.status}")
        self.say(f"  {self.style(meaning, sign)} {escape.line(event.address)}{status}")
        if event.error is not None:
            for text in (event.error.get("message"), event.error.get("mend")):
                for line in escape.block(str(text or "")).splitlines():
                    self.say(f"      {line}")

    def _end(self, event: RunEnded) -> None:
        counts = ", ".join(f"{number} {status}" for status, number in event.counts.items())
        meaning = "good" if event.status == "done" else "loud"
        words = {"done": "Done", "failed": "Some steps failed", "interrupted": "Interrupted", "refused": "Not applied"}
        self.say(f"{self.style(meaning, words.get(event.status, event.status))}: {counts or 'no step was begun'}.")
        if NEXT.get(event.status):
            self.say(NEXT[event.status])


def render_runs(runs: Sequence[RunRecord], *, width: int) -> str:
    """A line a run, the newest last."""
    rows = [f"{item.run}  {item.started[:19]}  {item.status:<11}  {item.plan[:19]}…" for item in runs]
    return "\n".join(row[:width].rstrip() for row in rows)


def render_run(run: RunRecord, steps: Sequence[StepRecord], *, width: int) -> str:
    """One run with what became of each step, in the order in which they ended."""
    lines = [f"run {run.run}: {run.status}", f"plan {run.plan}", f"from {run.started} to {run.ended or '(not ended)'}", ""]
    for step in sorted(steps, key=lambda item: item.ended):
        lines.append(f"  {step.status:<8} {escape.line(step.step)}"[:width])
        if step.error is not None:
            lines += [f"      {line}" for line in escape.block(str(step.error.get("message"))).splitlines()]
    return "\n".join(lines)
