"""`--json`: one versioned object a line, for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from aivp.diagnostics import Diagnostic, Span
from aivp.diagnostics.catalogue import SUMMARIES
from aivp.events import Event
from aivp.events.event import form
from aivp.plan.steps import Plan
from aivp_contract import canonical
from aivp_contract.values import Json

VERSION = 1


def line(name: str, members: Mapping[str, Json]) -> str:
    """Any other object: `{"aivp": 1, "type": name, ...members}`."""
    return canonical.encode({"aivp": VERSION, "type": name, **members}).decode()


def event_line(event: Event) -> str:
    """An event of a run."""
    return json.dumps(form(event), sort_keys=True, default=list, ensure_ascii=True)


def diagnostic_line(item: Diagnostic) -> str:
    """A diagnostic with its constant summary."""
    members: dict[str, Json] = {
        "severity": item.severity,
        "code": item.code,
        "summary": SUMMARIES.get(item.code, "Error"),
        "why": item.why,
        "mend": item.mend,
    }
    if item.span is not None:
        members["span"] = _span(item.span)
    if item.address is not None:
        members["address"] = item.address
    if item.related:
        members["related"] = [{"message": related.message, "span": _span(related.span)} for related in item.related]
    return line("diagnostic", members)


def plan_lines(plan: Plan) -> Iterator[str]:
    """A line a step, then one that sums up."""
    for step in plan.steps:
        yield line("step", step.form())
    yield line(
        "plan",
        {
            "digest": canonical.digest_bytes(plan.encode()),
            "project": plan.project,
            "environment": plan.environment,
            "steps": len(plan.steps),
            "unchanged": plan.unchanged,
            "left_out": dict(plan.left_out),
            "is_applicable": plan.is_applicable,
        },
    )


def _span(span: Span) -> dict[str, Json]:
    return {"file": span.file, "line": span.line, "column": span.column}
