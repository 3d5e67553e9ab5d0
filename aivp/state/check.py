"""A state's content → everything that is wrong with it. Reads nothing and mends nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from aivp_contract import canonical

from aivp.diagnostics import Diagnostic
from aivp.model.address import parse_address
from aivp.model.object import Object
from aivp.model.oneoff import PREFIX
from aivp.plugins.suggestion import listing
from aivp.state.content import Content
from aivp.state.records import OPEN, decoded

_LINEAGE = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_STATUSES = (*OPEN, "done", "failed", "abandoned", "refused")
_BACK = "Bring the state back from a copy (aivp state restore), or make it anew: aivp state rebuild."


def flaws(content: Content) -> list[Diagnostic]:
    """Errors: what is damaged. Warnings: what is whole, and still wants to be seen to."""
    objects: dict[str, Object] = {}
    found = [*_of_meta(content), *_of_objects(content, objects), *_of_runs(content)]
    return found + list(_of_edges(objects, {str(row[0]) for row in content.objects}))


def _of_meta(content: Content) -> Iterator[Diagnostic]:
    if not _LINEAGE.fullmatch(content.lineage):
        yield _damaged("The lineage of the state is none.")
    if not content.meta.get("serial", "0").isdecimal():
        yield _damaged("The count of its commits is none.")
    for digest in content.plans:
        if not _DIGEST.fullmatch(digest):
            yield _damaged(f"A recorded plan has no digest: {digest[:80]!r}.")


def _of_objects(content: Content, objects: dict[str, Object]) -> Iterator[Diagnostic]:
    for address, deposed, _, body in content.objects:
        try:
            item = decoded(body)
        except (ValueError, RecursionError) as error:
            yield _damaged(f"The row of {address[:200]} cannot be read ({str(error)[:100]}).", address)
            continue
        parsed = parse_address(item.address)
        if (item.address, int(item.is_deposed)) != (address, deposed):
            yield _damaged(f"The row of {address[:200]} is about {item.address[:200]}.", address)
        elif parsed is None or (parsed.kind, parsed.host) != (item.kind, item.host):
            yield _damaged(f"{address[:200]} is recorded as a {item.kind[:80]} on {item.host[:80]}.", address)
        elif not item.is_deposed:
            objects[address] = item


def _of_edges(objects: dict[str, Object], known: set[str]) -> Iterator[Diagnostic]:
    for address, item in sorted(objects.items()):
        missing = [name for name in item.edges if name not in known]
        if missing:
            yield Diagnostic(
                "AIVP0843",
                f"{address} needs {listing(missing)}, which state does not know (forgotten, or never applied).",
                "The next apply that changes it writes its edges anew; until then it may be deleted out of order.",
                address=address,
                severity="warning",
            )


def _of_runs(content: Content) -> Iterator[Diagnostic]:
    known = {row[0] for row in content.runs}
    for run, plan, body, status, started, _ in content.runs:
        if status not in _STATUSES:
            yield _damaged(f"The run {run[:80]} ended as {status[:80]!r}.")
        if canonical.digest_bytes(body) != plan.removeprefix(PREFIX):
            yield _damaged(f"The plan that the run {run[:80]} holds is not the one with its digest.")
        if status in OPEN:
            why = f"The run {run[:80]} of {started[:40]} is not finished."
            mend = "Go on with it: aivp apply --resume. Or settle it: aivp runs abandon."
            yield Diagnostic("AIVP0843", why, mend, severity="warning")
    for run, step, *_, error, _ in content.steps:
        if run not in known:
            yield _damaged(f"A record of {step[:200]} belongs to no run.")
        elif error is not None and not _is_json(error):
            yield _damaged(f"The error recorded for {step[:200]} cannot be read.")


def _is_json(text: str) -> bool:
    try:
        return type(json.loads(text)) is dict
    except (ValueError, RecursionError):
        return False


def _damaged(why: str, address: str | None = None) -> Diagnostic:
    return Diagnostic("AIVP0842", why, _BACK, address=address)
