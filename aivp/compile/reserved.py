"""The reserved members of a resource that say how it is treated: lifecycle, meta, depends_on, notify."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aivp_contract.manifest import Kind
from aivp_contract.normal import NotNormal, duration
from aivp_contract.values import Json

from aivp.compile.instance import is_unknown
from aivp.compile.mistake import Mistake, each
from aivp.compile.shape import CODE, flag, labels, mapping, one_of, read_members, texts, whole
from aivp.compile.syntax import ResourceRef, parse_target
from aivp.model.resource import NO_LIFECYCLE, NO_META, Lifecycle, Meta
from aivp.plugins.suggestion import did_you_mean, listing

RESERVED = ("host", "for_each", "when", "depends_on", "notify", "lifecycle", "meta")
"""Closed for good: no kind may have a field of such a name."""

IN_DEFAULTS = ("host", "lifecycle", "meta")
"""Those that `defaults` may hold beside fields."""

_FATES = ("forget", "delete")
MAX_RETRIES = 100
MAX_TIMEOUT = 7 * 86400
"""Seconds."""


def read_lifecycle(value: Json, kind: Kind) -> Lifecycle:
    """`lifecycle` of a resource of `kind`. Raises Mistake."""
    if value is None:
        return NO_LIFECYCLE
    readers: dict[str, Callable[[Json], Any]] = {
        "prevent_destroy": lambda item: flag(item, "prevent_destroy", "prevent_destroy"),
        "retain": lambda item: flag(item, "retain", "retain"),
        "ignore_changes": lambda item: _ignored(item, kind),
        "on_false": lambda item: one_of(item, _FATES, "on_false", "on_false"),
        "on_host_destroy": lambda item: one_of(item, _FATES, "on_host_destroy", "on_host_destroy"),
        "create_before_destroy": lambda item: _created_before(item, kind),
    }
    return Lifecycle(**read_members(mapping(value, "lifecycle"), readers, "lifecycle"))


def _created_before(value: Json, kind: Kind) -> bool:
    wanted = flag(value, "create_before_destroy", "create_before_destroy")
    if wanted and not kind.assigned and not is_unknown(kind):
        same = " and ".join(kind.identity)
        why = f"Two {kind.name}s of the same {same} cannot stand beside each other: the old one has to go first."
        mend = f"Leave it out: only kinds whose provider assigns the identity can have it, and {kind.name} is none."
        raise Mistake(CODE, why, mend, "create_before_destroy")
    return wanted


def _ignored(value: Json, kind: Kind) -> tuple[str, ...]:
    managed = {name for name, item in kind.fields.items() if not item.computed}

    def read(name: str) -> str:
        if name not in managed and not is_unknown(kind):
            mend = did_you_mean(name, managed) or f"Fields: {listing(managed)}."
            raise Mistake("AIVP0301", f"ignore_changes: {kind.name} has no field {name}.", mend)
        return name

    try:
        return tuple(sorted(set(each(read, enumerate(texts(value, "ignore_changes"))))))
    except Mistake as mistake:
        raise mistake.beneath("ignore_changes") from None


def read_meta(value: Json) -> Meta:
    """`meta` of a resource. Raises Mistake."""
    if value is None:
        return NO_META
    return Meta(**read_members(mapping(value, "meta"), _META, "meta"))


def _timeout(value: Json) -> int:
    try:
        seconds = duration(value)
    except NotNormal as error:
        raise Mistake("AIVP0211", f"timeout: {error}.", "", "timeout") from None
    return whole(seconds, 1, MAX_TIMEOUT, "timeout in seconds", "timeout")


_META: Mapping[str, Callable[[Json], Any]] = {
    "labels": lambda item: labels(item, "labels"),
    "timeout": _timeout,
    "retries": lambda item: whole(item, 0, MAX_RETRIES, "retries", "retries"),
    "on_interrupt": lambda item: one_of(item, ("fail", "retry", "accept"), "on_interrupt", "on_interrupt"),
}


def read_targets(value: Json, what: str) -> list[tuple[tuple[int, ...], str]]:
    """`depends_on` or `notify`: one address or a list of them, each with its path beneath. Raises Mistake."""
    if value is None or type(value) is str:
        return [] if value is None else [((), value)]
    return [((index,), text) for index, text in enumerate(texts(value, what))]


def read_target(text: str, what: str) -> ResourceRef:
    """One of them. Raises Mistake."""
    try:
        return parse_target(text)
    except Mistake as mistake:
        raise Mistake(mistake.code, f"{what}: {mistake.why}", mistake.mend) from None
