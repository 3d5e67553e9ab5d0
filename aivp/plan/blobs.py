"""The steps of a plan → the blobs whose bytes their effects may take, and the plan that says where these lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from aivp_contract.values import Blob, Json

from aivp.plan.steps import Plan, Step

_TAKE = ("create", "update", "replace")


def needed(steps: Iterable[Step]) -> dict[str, Blob]:
    """SHA-256 → blob, sorted. What only might turn out to have an effect counts, too."""
    found: dict[str, Blob] = {}
    for step in steps:
        if step.action in _TAKE or (step.action == "no-op" and step.is_conditional):
            found.update((blob.sha256, blob) for blob in blobs_of(dict(step.config)))
    return dict(sorted(found.items()))


def with_sources(plan: Plan, sources: Mapping[str, Sequence[str]]) -> Plan:
    """`plan` with the files of the project that hold its blobs. sources: SHA-256 → paths."""
    return replace(plan, blobs={sha256: list(sources[sha256]) for sha256 in needed(plan.steps) if sha256 in sources})


def blobs_of(value: Json) -> Iterator[Blob]:
    """Every blob in `value`."""
    if isinstance(value, Blob):
        yield value
    elif type(value) is dict or type(value) is list:
        for item in value.values() if type(value) is dict else value:
            yield from blobs_of(item)
