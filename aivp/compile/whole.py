"""A reference to a whole resource, where a field takes one → the reference to the value that is meant by it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from aivp_contract.manifest import Field, Kind, Refers

from aivp.compile.instance import Instance
from aivp.compile.mistake import Mistake
from aivp.compile.syntax import ResourceRef
from aivp.plugins.suggestion import listing

CODE = "AIVP0217"


def completed(reference: ResourceRef, kind: Kind, path: Sequence[str | int], declared: Collection[str]) -> ResourceRef:
    """`reference`, which is the whole value at `path` of a resource of `kind`, with the field that it means.

    declared: `kind.name` of all resources. Raises Mistake where no resource is taken there, or one of another kind.
    """
    wanted = _wanted(kind, path, reference.is_list)
    if wanted is None:
        raise no_field(reference)
    if reference.kind != wanted.kind:
        raise _other_kind(reference, wanted, path, declared)
    return replace(reference, path=(wanted.field,), is_here=wanted.here)


def no_field(reference: ResourceRef) -> Mistake:
    """It stands where only a value can."""
    why = f"${{{reference}}} refers to a whole resource, and nothing here takes one."
    return Mistake(CODE, why, f"Name a field, such as ${{{reference.kind}.{reference.name}.FIELD}}.")


def check_here(reference: ResourceRef, owner: Instance, found: Sequence[Instance]) -> None:
    """Raises Mistake for a resource on another host, where the value means something on its own host only."""
    elsewhere = [item for item in found if item.place != owner.place] if reference.is_here else []
    if elsewhere and "host" not in owner.unknown:
        why = f"${{{reference}}} is {elsewhere[0].address}, and {owner.address} needs one on its own host."
        raise Mistake(CODE, why, f"Declare {reference.kind}.{reference.name} on {owner.place}, too.")


def _wanted(kind: Kind, path: Sequence[str | int], is_list: bool) -> Refers | None:
    """What the field at `path` takes; for a list, what each of its elements takes."""
    meaning: Field | None = Field(fields=kind.fields)
    for step in path:
        if meaning is None:
            return None
        meaning = meaning.items if isinstance(step, int) else meaning.fields.get(step)
    if is_list and meaning is not None:
        meaning = meaning.items
    return None if meaning is None else meaning.refers


def _other_kind(
    reference: ResourceRef, wanted: Refers, path: Sequence[str | int], declared: Collection[str]
) -> Mistake:
    field = [step for step in path if isinstance(step, str)][-1]
    why = f"{field} takes a resource of the kind {wanted.kind}, and ${{{reference}}} is of the kind {reference.kind}."
    others = sorted(name for name in declared if name.rpartition(".")[0] == wanted.kind)
    same = f"{wanted.kind}.{reference.name}"
    if same in others:
        return Mistake(CODE, why, f"Did you mean ${{{same}}}?")
    return Mistake(CODE, why, f"There are: {listing(others)}." if others else f"Declare one: {wanted.kind}.NAME.")
