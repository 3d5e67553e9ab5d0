"""All checks, in the order in which they run: what others need comes first."""

from __future__ import annotations

from . import base, breadth, effects, faults, listing, looking, requests, secrecy, updates
from .check import Check, check

MANIFEST = check("manifest")(base.manifest)

# Judged by one conversation; their `run` is never called.
BASE = tuple(Check(name, why, lambda _: None, each_kind=False, needs=()) for name, why in base.RULES.items())

ALL: tuple[Check, ...] = (
    MANIFEST,
    *BASE,
    requests.versions,
    requests.before_initialize,
    requests.unknown_methods,
    requests.unknown_members,
    requests.parameters,
    requests.stdin_closed,
    requests.broken_lines,
    requests.cancel,
    looking.read_only,
    looking.deterministic,
    breadth.many,
    effects.create,
    updates.update,
    effects.computed,
    updates.unasked,
    effects.again,
    effects.once,
    effects.delete,
    updates.immutable,
    effects.refresh,
    effects.partial,
    requests.item_in_hand,
    faults.deadline,
    faults.killed,
    looking.text,
    breadth.large,
    breadth.values,
    secrecy.secrets,
    secrecy.verdicts,
    secrecy.tainted,
    listing.listed,
    listing.upgrade,
)
