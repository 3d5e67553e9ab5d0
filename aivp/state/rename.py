"""A new address for an object: its rows, the edges of those that need it, and what its host is to hear of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aivp.diagnostics import Diagnostic, Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.model.address import Address, parse_address
from aivp.model.object import Object
from aivp.plugins.suggestion import did_you_mean
from aivp.state.records import refuse_open
from aivp.state.store import State


def rename(state: State, old: str, new: str) -> None:
    """One commit. Raises Refused where a run is open, or where `new` cannot be the same thing's address."""
    with state.exclusive():
        refuse_open(state.open_run())
        gone, put = renamed(state.objects(), old, new)
        state.replace(gone, put)


def renamed(objects: Sequence[Object], old: str, new: str) -> tuple[list[Object], list[Object]]:
    """(rows that end, rows in their place)."""
    _check(objects, old, new)
    gone: list[Object] = []
    put: list[Object] = []
    for item in objects:
        edges = [new if name == old else name for name in item.edges]
        if item.address == old:
            known = item.registered or old
            gone.append(item)
            put.append(replace(item, address=new, edges=edges, registered="" if known == new else known))
        elif edges != list(item.edges):
            put.append(replace(item, edges=edges))
    return gone, put


def _check(objects: Sequence[Object], old: str, new: str) -> None:
    known = {item.address for item in objects}
    if old not in known:
        raise refusal("AIVP0709", f"State knows no {old}.", did_you_mean(old, known) or "See: aivp state list")
    before, after = _parsed(old), _parsed(new)
    if new in known:
        raise _refused(f"{new} is known already.", "Choose another, or forget that one first: aivp state rm")
    if before.kind != after.kind:
        raise _refused(f"{old} cannot become a {after.kind}: another kind is another thing.")
    if before.host != after.host:
        raise _refused(f"{old} cannot move to {after.host}: what stands on one host is no other host's.")
    if any(item.host == old for item in objects):
        raise _refused(
            f"{old} is the host of other objects, whose addresses end with it.", "Use `moved` in the project."
        )


def _parsed(address: str) -> Address:
    parsed = parse_address(address)
    if parsed is None or parsed.host is None:
        raise _refused(f"{address[:200]!r} is no full address.", "Such as file.site@web1; see: aivp state list")
    if str(parsed) != address:
        raise _refused(f"{address[:200]!r} is written otherwise.", f"Write it {parsed}.")
    return parsed


def _refused(why: str, mend: str = "") -> Refused:
    return Refused((Diagnostic("AIVP0844", why, mend),))
