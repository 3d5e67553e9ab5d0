"""Steps and the blobs they declare: how many go at once, what has to be here first, what a provider is handed."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence

from aivp_contract.values import Blob, Json, contains, replace

from .blobs import Blobs
from .work import Step, Work

TOGETHER = 64 * 1024 * 1024
"""Bytes of blobs that are here at once, unless a single one is larger: the disk need not hold a batch twice."""

EFFECTS = frozenset({"create", "update"})


def blobs_of(step: Step) -> List[Blob]:
    """The blobs in a step's declaration, each once."""
    return _within(step["config"])


def portions(batch: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """`batch` in its order, cut where its blobs would become too many."""
    portion: List[Step] = []
    size = 0
    for step in batch:
        more = sum(blob.size for blob in blobs_of(step))
        if portion and more and size + more > TOGETHER:
            yield portion
            portion, size = [], 0
        portion.append(step)
        size += more
    if portion:
        yield portion


def stage(works: Sequence[Work], blobs: Blobs) -> None:
    """Have what `works` take here; each that lacks some has its error afterwards."""
    taking = {id(work): _within(_changing(work)) for work in works if work.action in EFFECTS}
    wanted = [blob for found in taking.values() for blob in found]
    failed = blobs.stage(wanted) if wanted else {}
    for work in works:
        errors = [failed[blob.sha256] for blob in taking.get(id(work), ()) if blob.sha256 in failed]
        if errors:
            work.error = dict(errors[0])


def handed(work: Work, change: Mapping[str, Json], blobs: Blobs) -> Dict[str, Json]:
    """The `change` of `work` as a provider gets it: blobs of fields that are to change with their paths."""

    def with_path(blob: Blob) -> Json:
        return Blob(blob.sha256, blob.size, blobs.path(blob))

    fresh: Any = replace(_changing(work), (Blob,), with_path)
    return {**change, "config": {**change["config"], **fresh}}


def _changing(work: Work) -> Dict[str, Json]:
    """The declared fields that are not as they shall be: a change of a mode alone needs no content."""
    names = {change.path.split("/")[1] for change in work.decision.changes}
    return {name: value for name, value in work.step["config"].items() if name in names}


def _within(fields: Mapping[str, Json]) -> List[Blob]:
    found: Dict[str, Blob] = {}
    if contains(fields, (Blob,)):
        replace(fields, (Blob,), lambda blob: found.setdefault(blob.sha256, blob))
    return list(found.values())
