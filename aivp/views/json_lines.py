"""`--json` and the logs of runs: one versioned object a line, for machines; schemas/events/v1.json describes them all.

Pure ASCII, so that a terminal, too, may see it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from aivp_contract import canonical
from aivp_contract.manifest import Kind
from aivp_contract.values import TAG, Json, Tagged

from aivp.config.project import Variable
from aivp.diagnostics import Diagnostic, Span
from aivp.diagnostics.catalogue import SUMMARIES
from aivp.diagnostics.explanation import Example, Explanation
from aivp.events import Event, StepEnded
from aivp.events.timeline import Lane, Timeline
from aivp.plan.steps import Plan, Step

if TYPE_CHECKING:
    from aivp.plan.compare import Difference, PlanDifference

VERSION = 1


def line(name: str, members: Mapping[str, Json]) -> str:
    """Any object: `{"aivp":1,"type":name,...members}`, without a newline.

    Version and type stand in front, so that a line is known by how it begins, whatever its values hold.
    """
    return f'{{"aivp":{VERSION},"type":"{name}"{"," if members else ""}{_encode(members)[1:]}'


def event_line(event: Event, time: str, elapsed: float | None = None) -> str:
    """An event of a run and when it was (ISO 8601, and seconds since the run began); secrets by their origin only."""
    members = {item.name: getattr(event, item.name) for item in fields(event)}
    span, effect = members.pop("span", None), members.pop("effect", None)
    if isinstance(event, StepEnded):
        members["effect"] = None if effect is None else {"began": effect[0], "ended": effect[1]}
    if span is not None:
        members["span"] = _span(span)
    if elapsed is not None:
        members["elapsed"] = elapsed
    return line(event.name, {"time": time, **members})


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


def code_line(item: Explanation) -> str:
    """What the catalogue explains of a code, with its two examples."""
    texts = {name: getattr(item, name) for name in ("code", "summary", "what", "why", "mend")}
    return line("code", {**texts, "bad": _example(item.bad), "good": _example(item.good)})


def plan_lines(plan: Plan, *, is_whole: bool = True) -> Iterator[str]:
    """A line a step, in their order, then one that sums up; only a whole plan has a digest."""
    for step in plan.steps:
        yield line("step", step.form())
    digest = {"digest": canonical.digest_bytes(plan.encode())} if is_whole else {}
    yield line(
        "plan",
        {
            **digest,
            "project": plan.project,
            "environment": plan.environment,
            "steps": len(plan.steps),
            "unchanged": plan.unchanged,
            "left_out": dict(plan.left_out),
            "blocked": dict(plan.blocked),
            "is_applicable": plan.is_applicable,
            "notes": list(plan.notes),
            **({"rollouts": [item.form() for item in plan.rollouts]} if plan.rollouts else {}),
        },
    )


def difference_lines(found: PlanDifference, before: Plan, after: Plan) -> Iterator[str]:
    """A line for each step that appears, vanishes or differs, then one that sums up how two plans differ."""
    for how, steps in (("appeared", found.appeared), ("vanished", found.vanished)):
        yield from (_compared(how, step, ()) for step in steps)
    yield from (_compared("changed", item.after, item.differences) for item in found.changed)
    yield line(
        "compared",
        {
            "is_same": found.is_same,
            "digests": [canonical.digest_bytes(plan.encode()) for plan in (before, after)],
            "appeared": len(found.appeared),
            "vanished": len(found.vanished),
            "changed": len(found.changed),
            "same": found.same,
            "around": [item.form() for item in found.around],
            "origin": [item.form() for item in found.origin],
        },
    )


def _compared(how: str, step: Step, differences: Sequence[Difference]) -> str:
    members = {"how": how, "step": step.id, "address": step.address, "severity": step.severity}
    return line("step-compared", {**members, "differences": [item.form() for item in differences]})


def artifact_line(name: str, data: bytes, file: str | None) -> str:
    """An artifact by name and digest, with the file that holds it or, where there is none, with its content."""
    members: dict[str, Json] = {"name": name, "digest": canonical.digest_bytes(data)}
    if file is not None:
        return line("artifact", {**members, "file": file})
    is_json = data.startswith(b"{")
    return line("artifact", {**members, "content": json.loads(data) if is_json else data.decode()})


def kind_line(kind: Kind, version: str) -> str:
    """A kind, its provider, and what JSON Schema says of its attributes."""
    members = {"name": kind.name, "provider": kind.provider, "version": version, "description": kind.description}
    return line("kind", {**members, "schema": kind.schema})


def timeline_lines(timeline: Timeline) -> Iterator[str]:
    """A line a session of the run; times in seconds since that session began."""
    for session in timeline.sessions:
        legs = [
            {"began": leg.began, "ended": leg.ended, "host": leg.host or None, "step": leg.step}
            for leg in session.critical
        ]
        told = ("started", "is_resumed", "is_rough", "seconds", "status")
        members = {"run": timeline.run, **{name: getattr(session, name) for name in told}}
        yield line("timeline", {**members, "lanes": [_lane(lane) for lane in session.lanes], "critical": legs})


def _lane(lane: Lane) -> dict[str, Json]:
    told = ("step", "address", "action", "status", "began", "ended")
    steps = [
        {
            **{name: getattr(bar, name) for name in told},
            "effect": bar.effect and {"began": bar.effect[0], "ended": bar.effect[1]},
        }
        for bar in lane.bars
    ]
    waits = [{"began": wait.began, "ended": wait.ended, "on": wait.on or None} for wait in lane.waits]
    work = [{"began": began, "ended": ended} for began, ended in lane.work]
    return {"host": lane.host, "work": work, "steps": steps, "waits": waits}


def declaration_line(address: str, span: Span | None, why: str | None, when: Json) -> str:
    """Where a resource is declared and on which facts it depends, or why it is not."""
    members: dict[str, Json] = {"address": address, "is_declared": why is None}
    if span is not None:
        members["span"] = _span(span)
    return line("declaration", {**members, **({"why": why} if why is not None else {"when": when})})


def variable_line(name: str, variable: Variable) -> str:
    """A variable's value and everything that was said of it, the last word last."""
    history = [
        {"origin": item.origin, "value": item.value, **({"span": _span(item.span)} if item.span else {})}
        for item in variable.history
    ]
    return line("variable", {"name": name, "value": variable.value, "history": history})


def _example(item: Example) -> dict[str, Json]:
    shown: dict[str, Json] = {"words": item.words} if item.words else {"commands": list(item.commands)}
    return {"files": dict(item.files), **shown}


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
