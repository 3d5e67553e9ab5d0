"""What a person sees, as golden files: `cases/*.txtar` hold an input and what is printed of it, once per setting.

The name of a section says how it is rendered: `80`, `40 verbose`, `80 color`, `json`. The escape character is
written as ␛. AIVP_UPDATE_GOLDEN=1 rewrites them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from aivp.diagnostics.explanation import explain
from aivp.events.logbook import read_timeline
from aivp.events.timeline import Order
from aivp.views import markdown
from aivp.views.code_text import render_explanation
from aivp.views.diagnostic_text import render_diagnostics
from aivp.views.json_lines import code_line, diagnostic_line, event_line, plan_lines
from aivp.views.plan_text import render_plan
from aivp.views.run_text import RunPrinter, render_run, render_runs
from aivp.views.state_text import render_object, render_objects
from aivp.views.timeline_text import render_timeline
from tests import txtar
from tests.views import inputs

CASES = sorted((Path(__file__).parent / "cases").glob("*.txtar"))


@dataclass(frozen=True)
class Setting:
    """How a section wants to be rendered."""

    width: int
    color: bool
    verbose: bool
    is_json: bool
    is_markdown: bool

    @classmethod
    def read(cls, name: str) -> Setting:
        words = name.split()
        width = int(words[0]) if words[0].isdecimal() else 100
        return cls(width, "color" in words, "verbose" in words, "json" in words, "markdown" in words)


def _plan(files: Mapping[str, str], how: Setting) -> str:
    plan = inputs.read_short_plan(files["plan.json"])
    if how.is_json:
        return "\n".join(plan_lines(plan))
    digest = "sha256:" + "0123456789abcdef" * 4
    if how.is_markdown:
        return markdown.render_plan(plan, digest)
    return render_plan(plan, width=how.width, color=how.color, verbose=how.verbose, digest=digest)


def _explanation(files: Mapping[str, str], how: Setting) -> str:
    found = explain(files["code"].strip())
    return code_line(found) if how.is_json else render_explanation(found, color=how.color, width=how.width)


def _diagnostics(files: Mapping[str, str], how: Setting) -> str:
    items = inputs.read_diagnostics(files["diagnostics.json"])
    if how.is_json:
        return "\n".join(diagnostic_line(item) for item in items)
    return render_diagnostics(items, files.get, color=how.color, width=how.width)


def _events(files: Mapping[str, str], how: Setting) -> str:
    events = inputs.read_events(files["events.jsonl"])
    if how.is_json:
        return "\n".join(event_line(event, "2026-01-01T00:00:00.000+00:00", 1.5) for event in events)
    lines: list[str] = []
    printer = RunPrinter(lines.append, color=how.color, verbose=how.verbose, width=how.width)
    for event in events:
        printer.listen(event)
    return "\n".join(lines)


def _runs(files: Mapping[str, str], how: Setting) -> str:
    runs, steps = inputs.read_runs(files["runs.json"])
    listed = render_runs(runs, width=how.width, color=how.color)
    shown = render_run(runs[-1], steps, width=how.width, color=how.color, verbose=how.verbose)
    return f"{listed}\n\n{shown}"


def _objects(files: Mapping[str, str], how: Setting) -> str:
    objects = inputs.read_objects(files["objects.json"])
    shown = [render_object(item, width=how.width, color=how.color, verbose=how.verbose) for item in objects]
    return "\n\n".join([render_objects(objects, width=how.width, color=how.color), *shown])


def _timeline(files: Mapping[str, str], how: Setting) -> str:
    order = Order(**{"waits_for": {}, "behind": {}, **json.loads(files.get("order.json", "{}"))})
    found = read_timeline("4f2a", files["log.jsonl"].splitlines(), order)
    return render_timeline(found, width=how.width, color=how.color, verbose=how.verbose)


RENDERERS: Mapping[str, Callable[[Mapping[str, str], Setting], str]] = {
    "plan.json": _plan,
    "diagnostics.json": _diagnostics,
    "code": _explanation,
    "events.jsonl": _events,
    "runs.json": _runs,
    "log.jsonl": _timeline,
    "objects.json": _objects,
}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_seen(path: Path) -> None:
    comment, files = txtar.read(path)
    render = next(RENDERERS[name] for name in files if name in RENDERERS)
    outputs = [name for name in files if name.split()[0].isdecimal() or name in ("json", "markdown")]
    assert outputs, "a case without a section to render proves nothing"
    found = {name: render(files, Setting.read(name)).replace("\x1b", "␛") + "\n" for name in outputs}
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        txtar.write(path, comment, {**files, **found})
    else:
        assert found == {name: files[name] for name in outputs}
