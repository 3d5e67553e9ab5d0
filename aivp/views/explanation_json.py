"""Why a resource is there and what its values come from → one JSON line; schemas/events/v1.json describes it."""

from __future__ import annotations

from collections.abc import Iterator

from aivp_contract.values import Json

from aivp.diagnostics import Span
from aivp.explain.explanation import Cause, Explanation, FieldOrigin, Neighbour
from aivp.views.json_lines import declaration_line, line


def explanation_lines(item: Explanation) -> Iterator[str]:
    """The declaration; the steps that a plan has for it; then everything that is said of it."""
    why = None if item.span is not None else item.left_out or "nothing declares it any more"
    yield declaration_line(item.address, item.span, why, item.when)
    for step in item.steps:
        yield line("step", step.form())
    yield line(
        "explanation",
        {
            "address": item.address,
            "includes": [_span(span) for span in item.includes],
            "existence": [_field(one) for one in item.existence],
            "fields": [_field(one) for one in item.fields],
            "needs": [_neighbour(one) for one in item.needs],
            "dependents": [_neighbour(one) for one in item.dependents],
            "steps": [step.id for step in item.steps] if item.has_plan else None,
            "takes_no_part": item.takes_no_part,
            "causing": list(item.causing),
        },
    )


def _field(item: FieldOrigin) -> Json:
    causes = [_cause(one) for one in item.causes]
    return {"name": item.name, "written": item.written, "origin": item.origin, "causes": causes, **_placed(item.span)}


def _cause(item: Cause) -> Json:
    return {
        "name": item.name,
        "is_known": item.has_value,
        "value": item.value if item.has_value else None,
        "origin": item.origin,
        "causes": [_cause(one) for one in item.causes],
        **_placed(item.span),
    }


def _neighbour(item: Neighbour) -> Json:
    return {
        "address": item.address,
        "types": list(item.types),
        "fields": list(item.fields),
        "is_direct": item.is_direct,
    }


def _placed(span: Span | None) -> dict[str, Json]:
    return {} if span is None else {"span": _span(span)}


def _span(span: Span) -> Json:
    return {"file": span.file, "line": span.line, "column": span.column}
