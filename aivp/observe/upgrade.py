"""Recorded attributes of older versions of their kinds → today's form, by the word of each provider.

Whoever compares what was last applied with anything does so in one form. State keeps the old one until an apply writes
the row anew; until then every command asks again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from aivp_contract import canonical
from aivp_contract.manifest import Kind
from aivp_contract.values import Json, Unknown, contains

from aivp.diagnostics import Diagnostic, Diagnostics, Refused
from aivp.hosts.equipping import unequipped
from aivp.hosts.portions import Items, portions
from aivp.hosts.refusals import refused
from aivp.hosts.session import HostSession, Refusal
from aivp.hosts.sessions import Sessions, Visit
from aivp.model import taint
from aivp.model.evidence import blocks
from aivp.model.object import Object
from aivp.observe.audit import Broken, audit_error

Kinds = Mapping[str, Kind]


def is_outdated(row: Object, kinds: Kinds) -> bool:
    """True where it was recorded under another version of its kind than the installed one."""
    return row.kind in kinds and row.schema_version != kinds[row.kind].schema_version


@dataclass(frozen=True, slots=True)
class Upgraded:
    """`rows`, in today's form where they have one; `failed`: index of a row → the error of whatever is about it."""

    rows: Sequence[Object]
    failed: Mapping[int, Mapping[str, Json]] = field(default_factory=dict)


def upgrade(
    objects: Sequence[Object], kinds: Kinds, sessions: Sessions, visit: Visit, reached: Collection[str]
) -> Upgraded:
    """`objects`, those on hosts that are `reached` in today's form.

    What a third party's provider cannot bring into it has failed by itself. Raises Refused with all others.
    """
    waiting: dict[str, list[int]] = {}
    failed: dict[int, _Failure] = {}
    for index, row in enumerate(objects):
        if is_outdated(row, kinds) and row.host in reached:
            if row.schema_version > kinds[row.kind].schema_version:
                failed[index] = _too_new(row, kinds[row.kind])
            else:
                waiting.setdefault(row.host, []).append(index)
    found = list(objects)
    answers = sessions.each(
        waiting, lambda name: _ask(visit(name), [objects[index] for index in waiting[name]], kinds, sessions)
    )
    for name, answer in answers.items():
        if isinstance(answer, Refused):
            raise answer
        for index, outcome in zip(waiting[name], answer, strict=True):
            if isinstance(outcome, _Failure):
                failed[index] = outcome
            else:
                found[index] = outcome
    diagnostics = Diagnostics()
    for index, failure in sorted(failed.items()):
        if not blocks(objects[index].kind):
            diagnostics.add(failure.diagnostic(objects[index]))
    diagnostics.refuse()
    return Upgraded(found, {index: failure.error() for index, failure in sorted(failed.items())})


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a row has no form of today; `what` goes on behind its address, or behind `it`."""

    code: str
    what: str
    mend: str

    def error(self) -> dict[str, Json]:
        kind = "bug" if self.code == "AIVP0612" else "permanent"
        return {"class": kind, "message": f"it {self.what}", "mend": self.mend}

    def diagnostic(self, row: Object) -> Diagnostic:
        return Diagnostic(self.code, f"{row.address} {self.what}.", self.mend, address=row.address)


def _ask(
    visit: AbstractContextManager[HostSession], rows: Sequence[Object], kinds: Kinds, sessions: Sessions
) -> list[Object | _Failure]:
    items: Items = []
    answers: dict[str, Json] = {}
    with visit as session:
        try:
            missing = unequipped(sessions, session, {row.kind for row in rows})
            for number, row in enumerate(rows):
                asked = {"id": str(number), "kind": row.kind, "version": row.schema_version}
                if row.kind in missing:
                    answers[str(number)] = {"error": missing[row.kind]}
                else:
                    items.append({**asked, "attributes": dict(row.attributes)})
            for portion in portions(items):
                given = session.gather("upgrade", {"items": portion}, "items", by="upgraded", most=len(portion))
                if [answer.get("id") if isinstance(answer, dict) else None for answer in given] != [
                    item["id"] for item in portion
                ]:
                    raise session.hostile("it answered other questions than were asked")
                answers.update({answer["id"]: answer for answer in given})
        except Refusal as error:
            raise refused(error) from None
    return [_taken(row, kinds[row.kind], answers[str(number)]) for number, row in enumerate(rows)]


def _taken(row: Object, kind: Kind, answer: Mapping[str, Json]) -> Object | _Failure:
    """The row in today's form, or why there is none."""
    if "error" in answer:
        try:
            return _impossible(row, kind, audit_error(answer["error"])["message"])
        except Broken as broken:
            return _broken(kind, str(broken))
    attributes = answer.get("attributes")
    if not isinstance(attributes, dict):
        return _broken(kind, "no attributes")
    if strangers := sorted(name for name in attributes if name not in kind.fields or kind.fields[name].computed):
        return _broken(kind, f"it brings {strangers[0]}, which nobody can declare today")
    try:
        canonical.admit(attributes)
    except canonical.NotCanonical as error:
        return _broken(kind, str(error))
    if contains(attributes, (Unknown,)):
        return _broken(kind, "it leaves something unknown")
    if kind.identity_of(attributes) != kind.declared_identity(row.identity):
        return _broken(kind, "it makes another thing of it")
    return replace(
        row,
        attributes=attributes,
        schema_version=kind.schema_version,
        tainted=taint.fields(attributes, row.tainted),
    )


def _versions(row: Object, kind: Kind) -> str:
    has = f"the installed provider {kind.provider} has version {kind.schema_version}"
    return f"was recorded under version {row.schema_version} of {row.kind}, and {has}"


def _impossible(row: Object, kind: Kind, why: str) -> _Failure:
    mend = f"Install a {kind.provider} that can upgrade it, or the one that it was applied with."
    return _Failure("AIVP0418", f"{_versions(row, kind)}: {why}", mend)


def _too_new(row: Object, kind: Kind) -> _Failure:
    mend = f"Install the {kind.provider} that it was applied with, or a newer one."
    return _Failure("AIVP0419", f"{_versions(row, kind)}, which is older", mend)


def _broken(kind: Kind, why: str) -> _Failure:
    what = f"cannot be upgraded: the provider {kind.provider} broke its contract: {why}"
    return _Failure("AIVP0612", what, "This is a bug of that provider.")
