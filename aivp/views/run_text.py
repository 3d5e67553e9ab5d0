"""Runs as text: a line for each step that ends, what to do next, and tables of what was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import assert_never

from aivp_contract.values import Json

from aivp.events import (
    ContentSent,
    Event,
    Places,
    ProviderLogged,
    ProviderProgressed,
    RunEnded,
    RunStarted,
    StepEnded,
    StepsLasting,
    StepsStarted,
)
from aivp.model.oneoff import is_one_off
from aivp.state import RunRecord, StepRecord
from aivp.views import escape
from aivp.views.measure import amount, lasted
from aivp.views.next_text import HERE, Commands, after_run
from aivp.views.page import Page, Piece
from aivp.views.step_text import SIGNS, WIDEST
from aivp.views.table import write_table

DONE: Mapping[str, str] = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "adopt": "adopted",
    "move": "moved",
    "forget": "forgotten",
    "refresh": "refreshed",
    "no-op": "already as declared",
    "exec": "executed",
}

SLOW = 1.0
"""Seconds from which on it is said how long an effect took."""

NOWHERE = Places()
"""For a run whose declarations nobody can place any more."""

_STATUS: Mapping[str, tuple[str, str, str]] = {
    "failed": ("!", "bad", "failed to {action}"),
    "stale": ("!", "bad", "stale, so it was left as it is"),
    "blocked": (".", "change", "blocked: something that it waits for did not succeed"),
    "lost": ("?", "change", "lost: its host was given up, so nobody knows whether it was done"),
    "skipped": (".", "faint", "skipped: nothing called for it"),
}
_MEANINGS: Mapping[str, str] = {"done": "good", "failed": "bad", "interrupted": "change", "open": "change"}

_RESULTS: Mapping[str, tuple[str, str]] = {
    "done": ("good", "Applied"),
    "failed": ("loud", "Some steps failed"),
    "interrupted": ("loud", "Interrupted"),
    "refused": ("loud", "Not applied"),
    "abandoned": ("change", "Abandoned"),
}
_LEVELS: Mapping[str, tuple[str, str]] = {
    "warning": ("change", ", as a warning"),
    "error": ("bad", ", as an error"),
}
_ORDER = ("done", "failed", "stale", "lost", "blocked", "skipped")


class RunPrinter:
    """Listens to a run's events and says a line for what matters. `say` takes one line without its newline.

    is_log: nobody sees what goes on, so what begins and what lasts is said, too. seconds: gives those since the run
    began; commands: how commands of this project are called.
    """

    def __init__(
        self,
        say: Callable[[str], object],
        *,
        color: bool,
        verbose: bool,
        width: int = 100,
        is_log: bool = False,
        commands: Commands = HERE,
        seconds: Callable[[], float] = float,
    ) -> None:
        self.say = say
        self.is_log = is_log
        self.commands = commands
        self.seconds = seconds
        self.is_color = color
        self.is_verbose = verbose
        self.width = width

    def listen(self, event: Event) -> None:
        """Print what a person wants to know of `event`."""
        is_told = self.is_log and isinstance(event, StepsStarted | StepsLasting)
        if not self.is_verbose and not is_told and _is_detail(event):
            return
        page = Page(self.width, color=self.is_color)
        match event:
            case RunStarted():
                word = "Resuming" if event.is_resumed else "Applying"
                page.add(("strong", word), ("", f" {_count(event.steps, 'step')} (run {escape.line(event.run)})"))
            case StepsStarted():
                begun = f"{escape.line(event.host)}: {_count(len(event.steps), 'step')} begun"
                page.add(("faint", begun), indent=WIDEST + 2)
            case StepsLasting():
                page.add(("faint", _lasting(event)), indent=WIDEST + 2)
            case ContentSent():
                page.add(("faint", _sent(event)), indent=WIDEST + 2)
            case StepEnded():
                _write_step(page, event)
            case ProviderLogged():
                _write_said(page, event, event.message, *_LEVELS.get(event.level, ("faint", "")))
            case ProviderProgressed():
                _write_said(page, event, f"{event.message}{_share(event)}", "faint", "")
            case RunEnded():
                _write_end(page, event, self.commands, self.seconds())
            case _:
                assert_never(event)
        for line in page.lines:
            self.say(line)


def render_runs(runs: Sequence[RunRecord], *, width: int, color: bool = False) -> str:
    """A row a run, in their order: id, status, begin, time taken, the first digits of the plan's digest."""
    page = Page(width, color=color)
    rows = [("RUN", "STATUS", "STARTED", "TOOK", "PLAN")]
    rows += [(run.run, run.status, _time(run.started), _took(run), _short(run.plan)) for run in runs]
    meanings = ["faint", *(_MEANINGS.get(run.status, "") for run in runs)]
    write_table(page, [_row(row, meaning) for row, meaning in zip(rows, meanings, strict=True)])
    return page.text()


def render_run(
    run: RunRecord,
    steps: Sequence[StepRecord],
    *,
    places: Places = NOWHERE,
    width: int,
    color: bool = False,
    verbose: bool = True,
) -> str:
    """One run with what became of each step, in the order in which they ended; without no-ops unless verbose."""
    page = Page(width, color=color)
    page.add(("strong", f"Run {run.run}: "), (_MEANINGS.get(run.status, ""), run.status))
    page.add(("", run.plan.replace(":", " ", 1) if is_one_off(run.plan) else f"plan {run.plan}"), indent=2)
    ended = f"to {_time(run.ended)} ({_took(run)})" if run.ended else "and not ended"
    page.add(("", f"from {_time(run.started)} {ended}"), indent=2)
    page.blank()
    events = [places.step(_event(record)) for record in sorted(steps, key=lambda item: (item.ended, item.step))]
    for event in events:
        if verbose or not _is_quiet(event):
            _write_step(page, event)
    if hidden := 0 if verbose else sum(_is_quiet(event) for event in events):
        page.add(("faint", f"{_count(hidden, 'step')} had nothing to do (--verbose lists them)"), indent=WIDEST + 2)
    if not steps:
        page.add(("faint", "No step has ended."))
    return page.text()


def _write_said(page: Page, event: ProviderLogged | ProviderProgressed, text: str, meaning: str, word: str) -> None:
    """Who says it, where, and about which resource; the provider's words end the line."""
    about = escape.line(event.host, 200) if event.address is None else escape.line(event.address, 400)
    who = f"{about}: {escape.line(event.provider, 200)} says{word}: "
    page.add((meaning, who + escape.line(text, 1200)), indent=WIDEST + 2, hang=2)


def _lasting(event: StepsLasting) -> str:
    names = ", ".join(escape.line(name.partition(":")[2], 400) for name in event.steps)
    more = f" and {event.count - len(event.steps):,} more" if event.count > len(event.steps) else ""
    return f"{escape.line(event.host)}: at work on {names}{more} for {lasted(event.seconds)}"


def _sent(event: ContentSent) -> str:
    """How far a transfer is, in the unit that suits the whole."""
    return f"{escape.line(event.address, 400)}: sent {amount(event.done, event.total)}"


def _share(event: ProviderProgressed) -> str:
    """Of a number that nobody told apart from its unit only what it is of the whole."""
    if event.done is None:
        return ""
    return f" ({event.done:g})" if event.total is None else f" ({event.done:g} of {event.total:g})"


def _event(record: StepRecord) -> StepEnded:
    """A step's record as the event that it once was; its id is `action:address`."""
    address = record.step.partition(":")[2]
    return StepEnded("", record.step, address, record.status, record.action, record.error)


def _is_detail(event: Event) -> bool:
    """True for what only --verbose tells."""
    match event:
        case StepEnded():
            return _is_quiet(event)
        case ProviderLogged():
            return event.level == "debug"
        case _:
            return isinstance(event, StepsStarted | StepsLasting | ContentSent | ProviderProgressed)


def _is_quiet(event: StepEnded) -> bool:
    return event.status == "skipped" or (event.status == "done" and event.action == "no-op")


def _write_step(page: Page, event: StepEnded) -> None:
    sign, meaning = SIGNS.get(event.action, ("?", "") if event.action != "exec" else ("$", "good"))
    words = DONE.get(event.action, event.action)
    if event.status != "done":
        sign, meaning, words = _STATUS.get(event.status, ("!", "bad", event.status))
    if event.error is not None and _is_held(event):
        words = f"held back: {event.error.get('message')}"
    words = words.replace("{action}", "execute" if event.action == "exec" else event.action)
    if event.effect is not None and event.effect[1] - event.effect[0] >= SLOW:
        words += f" in {lasted(event.effect[1] - event.effect[0])}"
    planned = event.step.partition(":")[0]
    if event.status == "done" and event.action != planned and planned in DONE:
        words += f" (planned: {planned})"
    title: tuple[Piece, ...] = (
        (meaning, f"{sign:>{WIDEST}} "),
        ("strong", escape.line(event.address, 400)),
        ("" if event.status == "done" else meaning, f" {escape.line(words)}"),
    )
    page.add(*title, indent=1, hang=WIDEST + 3)
    if event.error is not None and not _is_held(event):
        _write_error(page, event.error)
    if event.span is not None:
        page.add(("accent", escape.line(str(event.span), 1000)), indent=WIDEST + 3)


def _is_held(event: StepEnded) -> bool:
    """True for a step of a round that was not begun."""
    return event.error is not None and event.error.get("class") == "held"


def _write_error(page: Page, error: Mapping[str, Json]) -> None:
    """The provider's message, the attribute that it blames, and how to mend it."""
    path = error.get("path")
    message = str(error.get("message") or "no reason was given")
    page.paragraph((f"{path}: " if path else "") + escape.block(message), indent=WIDEST + 3, meaning="bad")
    if error.get("class") == "bug":
        page.add(("", "This is a bug of its provider."), indent=WIDEST + 3)
    page.paragraph(escape.block(str(error.get("mend") or "")), indent=WIDEST + 3)


def _write_end(page: Page, event: RunEnded, commands: Commands, seconds: float) -> None:
    meaning, word = _RESULTS.get(event.status, ("loud", event.status))
    counts = ", ".join(f"{number:,} {status}" for status, number in sorted(event.counts.items(), key=_place))
    nothing = "no step has ended" if event.status == "interrupted" else "no step was begun"
    took = f" in {lasted(round(seconds))}" if seconds >= SLOW else ""
    page.add((meaning, word), ("", f"{took}: {counts or nothing}."))
    for text in after_run(event.status, commands, seconds=seconds, is_stale=bool(event.counts.get("stale"))):
        page.add(("", text), hang=0)


def _place(count: tuple[str, int]) -> tuple[int, str]:
    return (_ORDER.index(count[0]) if count[0] in _ORDER else len(_ORDER), count[0])


def _row(texts: Sequence[str], meaning: str) -> list[Piece]:
    return [(meaning if number < 2 else "", text) for number, text in enumerate(texts)]


def _time(text: str | None) -> str:
    """ISO 8601 to the second; in UTC, as recorded."""
    return "-" if text is None else text[:19].replace("T", " ") + "Z"


def _took(run: RunRecord) -> str:
    try:
        begin, end = (datetime.fromisoformat(text) for text in (run.started, run.ended or ""))
        return lasted(round((end - begin).total_seconds()))
    except (ValueError, TypeError):  # not ended, or not times
        return "-"


def _short(digest: str) -> str:
    kind, _, rest = digest.rpartition("sha256:")
    return f"{kind.replace(':', ' ')}{rest[:12]}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
