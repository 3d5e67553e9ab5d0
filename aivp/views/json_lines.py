"""`--json`: one versioned object a line, for machines. Pure ASCII, so that a terminal, too, may see it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from aivp_contract import canonical
from aivp_contract.values import TAG, Json, Tagged

from aivp.diagnostics import Diagnostic, Span
from aivp.diagnostics.catalogue import SUMMARIES
from aivp.events import Event
from aivp.events.event import EVENTS_VERSION
from aivp.plan.steps import Plan

VERSION = 1


def line(name: str, members: Mapping[str, Json]) -> str:
    """Any object: `{"aivp": 1, "type": name, ...members}`. Without a newline."""
    return _encode({"aivp": VERSION, "type": name, **members})


def event_line(event: Event) -> str:
    """An event of a run, as `aivp.events` gives its form; secrets in it by their origin only."""
    members = {item.name: getattr(event, item.name) for item in fields(event)}
    return _encode({"aivp": EVENTS_VERSION, "event": event.name, **members})


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
    """A line a step, in their order, then one that sums up."""
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
            "blocked": dict(plan.blocked),
            "is_applicable": plan.is_applicable,
            "notes": list(plan.notes),
        },
    )


def _span(span: Span) -> dict[str, Json]:
    return {"file": span.file, "line": span.line, "column": span.column}


def _encode(members: Mapping[str, Json]) -> str:
    """Sorted, compact and escaped to printable ASCII; unlike canonical form it takes lone surrogates as they come."""
    try:
        text = _dump(members)
    except ValueError:  # a host may answer 1e999, which Python reads as infinity
        text = _dump(_without_infinity(members))
    return text.replace("\x7f", "\\u007f")


def _dump(members: Json) -> str:
    return json.dumps(members, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_form)


def _without_infinity(value: Json) -> Json:
    """Numbers that JSON does not have, as text."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case Mapping():
            return {name: _without_infinity(item) for name, item in value.items()}
        case list() | tuple():
            return [_without_infinity(item) for item in value]
        case Tagged():
            return _without_infinity(_form(value))
        case _:
            return value


def _form(value: Any) -> Json:
    if isinstance(value, Tagged):
        return {TAG: value.tag, **value.form()}
    if isinstance(value, Mapping):
        return dict(value)
    return list(value)
