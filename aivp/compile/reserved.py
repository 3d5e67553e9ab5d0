"""The reserved members of a resource that say how it is treated: lifecycle, meta, depends_on, notify."""

from __future__ import annotations

from typing import Any

from aivp_contract.manifest import Kind
from aivp_contract.normal import NotNormal, duration
from aivp_contract.values import Json

from aivp.compile.mistake import Mistake
from aivp.compile.shape import flag, labels, mapping, one_of, only, texts, whole
from aivp.compile.syntax import ResourceRef, parse_target
from aivp.model.resource import NO_LIFECYCLE, NO_META, Lifecycle, Meta
from aivp.plugins.suggestion import did_you_mean, listing

RESERVED = ("host", "for_each", "when", "depends_on", "notify", "lifecycle", "meta")
"""Closed for good: no kind may have a field of such a name."""

IN_DEFAULTS = ("host", "lifecycle", "meta")
"""Those that `defaults` may hold beside fields."""

_FATES = ("forget", "delete")
_LIFECYCLE = ("prevent_destroy", "retain", "ignore_changes", "on_false", "on_host_destroy", "create_before_destroy")
_META = ("labels", "timeout", "retries", "on_interrupt")
MAX_RETRIES = 100
MAX_TIMEOUT = 7 * 86400
"""Seconds."""


def read_lifecycle(value: Json, kind: Kind) -> Lifecycle:
    """`lifecycle` of a resource of `kind`. Raises Mistake."""
    if value is None:
        return NO_LIFECYCLE
    raw = mapping(value, "lifecycle")
    only(raw, _LIFECYCLE, "lifecycle")
    if raw.get("create_before_destroy"):
        why = "create_before_destroy needs an identity that the provider assigns; it is refused until a kind has one."
        raise Mistake("AIVP0213", why, "Leave it out.", "create_before_destroy")
    found: dict[str, Any] = {name: flag(raw[name], name, name) for name in ("prevent_destroy", "retain") if name in raw}
    found |= {name: one_of(raw[name], _FATES, name, name) for name in ("on_false", "on_host_destroy") if name in raw}
    if "ignore_changes" in raw:
        found["ignore_changes"] = tuple(sorted(set(_ignored(raw["ignore_changes"], kind))))
    return Lifecycle(**found)


def _ignored(value: Json, kind: Kind) -> list[str]:
    names = texts(value, "ignore_changes", "ignore_changes")
    managed = {name for name, item in kind.fields.items() if not item.computed}
    for index, name in enumerate(names):
        if name not in managed:
            mend = did_you_mean(name, managed) or f"Fields: {listing(managed)}."
            raise Mistake(
                "AIVP0301", f"ignore_changes: {kind.name} has no field {name}.", mend, "ignore_changes", index
            )
    return names


def read_meta(value: Json) -> Meta:
    """`meta` of a resource. Raises Mistake."""
    if value is None:
        return NO_META
    raw = mapping(value, "meta")
    only(raw, _META, "meta")
    found: dict[str, Any] = {}
    if "labels" in raw:
        found["labels"] = labels(raw["labels"], "labels")
    if "timeout" in raw:
        found["timeout"] = _timeout(raw["timeout"])
    if "retries" in raw:
        found["retries"] = whole(raw["retries"], 0, MAX_RETRIES, "retries", "retries")
    if "on_interrupt" in raw:
        found["on_interrupt"] = one_of(raw["on_interrupt"], ("fail", "retry", "accept"), "on_interrupt", "on_interrupt")
    return Meta(**found)


def _timeout(value: Json) -> int:
    try:
        seconds = duration(value)
    except NotNormal as error:
        raise Mistake("AIVP0211", f"timeout: {error}.", "", "timeout") from None
    return whole(seconds, 1, MAX_TIMEOUT, "timeout in seconds", "timeout")


def read_targets(value: Json, what: str) -> tuple[ResourceRef, ...]:
    """`depends_on` or `notify`: one address or a list of them. Raises Mistake."""
    if value is None:
        return ()
    found = []
    for index, text in enumerate(texts([value] if type(value) is str else value, what)):
        try:
            found.append(parse_target(text))
        except Mistake as mistake:
            path = () if type(value) is str else (index,)
            raise Mistake(mistake.code, f"{what}: {mistake.why}", mistake.mend, *path) from None
    return tuple(found)
