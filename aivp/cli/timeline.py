"""runs show --timeline: the log beside the state, and the plan in it → where the time of a run went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aivp.cli.settings import Settings
from aivp.diagnostics.diagnostic import refusal

if TYPE_CHECKING:
    from aivp.events.timeline import Order, Timeline
    from aivp.state import RunRecord, State


def show_timeline(state: State, run: RunRecord, settings: Settings, page: str | None = None) -> None:
    """On standard output, as text or a line a session; `page`: as HTML, in this file or, if empty, there.

    Raises Refused (AIVP0950) where the run left no log here.
    """
    found = timeline(state, run)
    if page is not None:
        from aivp.cli.output import write_bytes
        from aivp.views.html_timeline import timeline_html

        write_bytes(timeline_html(found).encode(), page or None)
        return
    if settings.is_json:
        from aivp.views.json_lines import timeline_lines

        for text in timeline_lines(found):
            click.echo(text)
        return
    from aivp.views.timeline_text import render_timeline

    text = render_timeline(found, width=settings.width, color=settings.color, verbose=settings.is_verbose)
    click.echo(text, color=settings.color)


def timeline(state: State, run: RunRecord) -> Timeline:
    """Of one run. Raises Refused (AIVP0950)."""
    from aivp.events.logbook import read_timeline
    from aivp.model.oneoff import is_one_off

    if is_one_off(run.plan):
        why = f"The run {run.run} is of aivp exec, which keeps no log."
        raise refusal("AIVP0950", why, f"How it ended on each host: aivp runs show {run.run}")
    path = state.folder / "runs" / f"{run.run}.jsonl"
    order = _order(state.body(run.run))
    try:
        with path.open(encoding="utf-8", errors="replace") as log:
            return read_timeline(run.run, log, order)
    except OSError as error:
        why = f"The log of the run {run.run} cannot be read: {path}: {error.strerror}."
        mend = "A log stays on the machine that made the run, in the folder of its state: look there."
        raise refusal("AIVP0950", why, mend) from None


def _order(body: bytes) -> Order:
    """What waited for what, as far as this version can read the plan."""
    from aivp.apply.waiting import order_of
    from aivp.events.timeline import Order
    from aivp.plan.steps import UNREADABLE, read_plan

    try:
        return order_of(read_plan(body))
    except UNREADABLE:
        return Order({}, {})
