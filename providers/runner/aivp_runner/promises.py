"""What an effect left behind, held against what the look before it had promised: every broken word, field by field."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from aivp_contract import diff
from aivp_contract.canonical import encode
from aivp_contract.manifest import Kind
from aivp_contract.observation import Observation
from aivp_contract.values import Json, Secret, Tagged, Unknown, contains

from .work import Work


def left_over(work: Work, decision: diff.Decision, seen: Observation) -> Tuple[Any, ...]:
    """Differences that are left after the effect; a provider that leaves any broke its word."""
    if work.action == "delete":
        return () if seen.observed is None else ({"op": "remove", "path": "", "before": "it still exists"},)
    if work.action == "refresh" or decision.action == "no-op":
        return ()
    return tuple(change.form() for change in decision.changes) or ({"op": "add", "path": "", "after": "nothing"},)


def broken_words(kind: Kind, work: Work, after: Observation) -> List[Tuple[str, str]]:
    """(field, what is wrong with it) where a promise did not come true, or the provider contradicts itself.

    A refresh may change what it likes, and of what is gone by now nothing was promised.
    """
    if work.action not in ("create", "update") or work.seen is None or after.observed is None:
        return []
    found = dict(_contradictions(work.outputs, after))
    for name, what in (*_declared(kind, work, work.seen, after), *_computed(work, work.seen, after)):
        found.setdefault(name, what)
    return sorted(found.items())


def blamed(kind: Kind, broken: Sequence[Tuple[str, str]]) -> Dict[str, Json]:
    """The error of a provider that broke its word, with its name and every field of it."""
    told = "; ".join(f"{name or 'it'} {what}" for name, what in broken)
    where = {"path": f"/{broken[0][0]}"} if broken[0][0] else {}
    message = f"the provider {kind.provider} broke its word: {told}"
    return {"class": "unfulfilled", "message": message[:4000], **where}


def known(fields: Mapping[str, Json]) -> Dict[str, Json]:
    """Without those that are not known, not even in part."""
    return {name: value for name, value in fields.items() if not contains(value, (Unknown,))}


def _contradictions(outputs: Mapping[str, Json], after: Observation) -> Iterator[Tuple[str, str]]:
    """Outputs, what was foreseen, and what is there speak of the same thing at the same time."""
    told = {**after.computed, **outputs}
    for name, value in told.items():
        for other in (after.computed, after.observed or {}):
            if name in other and not _agree(value, other[name]):
                yield name, f"is told as {diff.describe(value)} and seen as {diff.describe(other[name])}"


def _declared(kind: Kind, work: Work, before: Observation, after: Observation) -> Iterator[Tuple[str, str]]:
    """Fields that are not as the plan showed them, though the provider calls them as declared now."""
    promised = before.normalised
    if promised is None or promised == after.normalised or after.observed is None:
        return
    wanted = {name: value for name, value in known(promised).items() if name not in kind.computed}
    for change in diff.compare(kind, wanted, after.observed, {**work.step["config"], **wanted}):
        yield change.path[1:], "is not as it was promised before the effect"


def _computed(work: Work, before: Observation, after: Observation) -> Iterator[Tuple[str, str]]:
    now = {**(after.observed or {}), **after.computed, **work.outputs}
    withholds = contains(dict(work.step["config"]), (Secret,)) or bool(work.step.get("tainted"))
    for name, promised in before.computed.items():
        if promised is None:
            continue
        if now.get(name) is None:
            if not withholds:
                yield name, "was promised, and is not there"
        elif contains(now[name], (Unknown,)):
            yield name, "is still unknown after the effect"
        elif not _agree(promised, now[name]):
            yield name, f"was promised as {diff.describe(promised)} and is {diff.describe(now[name])}"


def _agree(one: Json, other: Json) -> bool:
    """Values that somebody may show, and that differ, do not agree."""
    if contains(one, (Tagged,)) or contains(other, (Tagged,)):
        return True
    return encode(one) == encode(other)
