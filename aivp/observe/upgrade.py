"""Recorded attributes of older versions of their kinds → today's form, by the word of each provider.

Whoever compares what was last applied with anything does so in one form. State keeps the old one until an apply writes
the row anew; until then every command asks again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from aivp_contract import canonical
from aivp_contract.manifest import Kind
from aivp_contract.values import Json, Unknown, contains

from aivp.diagnostics import Diagnostic, Diagnostics, Refused
from aivp.hosts.portions import Items, portions
from aivp.hosts.refusals import refused
from aivp.hosts.session import HostSession, Refusal
from aivp.hosts.sessions import Sessions, Visit
from aivp.model import taint
from aivp.model.object import Object
from aivp.observe.audit import Broken, audit_error

Kinds = Mapping[str, Kind]


def is_outdated(row: Object, kinds: Kinds) -> bool:
    """True where it was recorded under another version of its kind than the installed one."""
    return row.kind in kinds and row.schema_version != kinds[row.kind].schema_version


def upgrade(
    objects: Sequence[Object], kinds: Kinds, sessions: Sessions, visit: Visit, reached: Collection[str]
) -> list[Object]:
    """`objects`, those on hosts that are `reached` in today's form. Raises Refused with all that have none."""
    waiting: dict[str, list[int]] = {}
    diagnostics = Diagnostics()
    for index, row in enumerate(objects):
        if is_outdated(row, kinds) and row.host in reached:
            if row.schema_version > kinds[row.kind].schema_version:
                diagnostics.add(_too_new(row, kinds[row.kind]))
            waiting.setdefault(row.host, []).append(index)
    diagnostics.refuse()
    found = list(objects)
    answers = sessions.each(
        waiting, lambda name: _ask(visit(name), [objects[index] for index in waiting[name]], kinds, sessions)
    )
    for name, answer in answers.items():
        if isinstance(answer, Refused):
            raise answer
        for index, outcome in zip(waiting[name], answer, strict=True):
            if isinstance(outcome, Diagnostic):
                diagnostics.add(outcome)
            else:
                found[index] = outcome
    diagnostics.refuse()
    return found


def _ask(
    visit: AbstractContextManager[HostSession], rows: Sequence[Object], kinds: Kinds, sessions: Sessions
) -> list[Object | Diagnostic]:
    items: Items = [
        {"id": str(number), "kind": row.kind, "version": row.schema_version, "attributes": dict(row.attributes)}
        for number, row in enumerate(rows)
    ]
    answers: list[Json] = []
    with visit as session:
        try:
            sessions.equip(session, {row.kind for row in rows})
            for portion in portions(items):
                answers += session.gather("upgrade", {"items": portion}, "items", by="upgraded", most=len(portion))
        except Refusal as error:
            raise refused(error) from None
        if [answer.get("id") if isinstance(answer, dict) else None for answer in answers] != [i["id"] for i in items]:
            raise session.hostile("it answered other questions than were asked")
    return [_taken(row, kinds[row.kind], answer) for row, answer in zip(rows, answers, strict=True)]


def _taken(row: Object, kind: Kind, answer: Mapping[str, Json]) -> Object | Diagnostic:
    """The row in today's form, or why there is none."""
    if "error" in answer:
        try:
            return _impossible(row, kind, audit_error(answer["error"])["message"])
        except Broken as broken:
            return _broken(row, kind, str(broken))
    attributes = answer.get("attributes")
    if not isinstance(attributes, dict):
        return _broken(row, kind, "no attributes")
    if strangers := sorted(name for name in attributes if name not in kind.fields or kind.fields[name].computed):
        return _broken(row, kind, f"it brings {strangers[0]}, which nobody can declare today")
    try:
        canonical.admit(attributes)
    except canonical.NotCanonical as error:
        return _broken(row, kind, str(error))
    if contains(attributes, (Unknown,)):
        return _broken(row, kind, "it leaves something unknown")
    if kind.identity_of(attributes) != kind.declared_identity(row.identity):
        return _broken(row, kind, "it makes another thing of it")
    return replace(
        row,
        attributes=attributes,
        schema_version=kind.schema_version,
        tainted=taint.fields(attributes, row.tainted),
    )


def _versions(row: Object, kind: Kind) -> str:
    has = f"the installed provider {kind.provider} has version {kind.schema_version}"
    return f"version {row.schema_version} of {row.kind}, and {has}"


def _impossible(row: Object, kind: Kind, why: str) -> Diagnostic:
    return Diagnostic(
        "AIVP0418",
        f"{row.address} was recorded under {_versions(row, kind)}: {why}.",
        f"Install a {kind.provider} that can upgrade it, or the one that it was applied with.",
        address=row.address,
    )


def _too_new(row: Object, kind: Kind) -> Diagnostic:
    return Diagnostic(
        "AIVP0419",
        f"{row.address} was recorded under {_versions(row, kind)}, which is older.",
        f"Install the {kind.provider} that it was applied with, or a newer one.",
        address=row.address,
    )


def _broken(row: Object, kind: Kind, why: str) -> Diagnostic:
    told = f"The provider {kind.provider} broke its contract in upgrading {row.address}: {why}."
    return Diagnostic("AIVP0612", told, "This is a bug of that provider.", address=row.address)
