"""References between resources → values, references to what only a provider knows, and edges; circles are reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aivp_contract.values import Json, Tagged, Unknown

from aivp.compile.fields import FieldReader, Fields, Pending, without_null, without_refused
from aivp.compile.instance import Expanded, Instance
from aivp.compile.mistake import Mistake, Reported, each
from aivp.compile.scope import Scope, step_into
from aivp.compile.size import Sizes
from aivp.compile.syntax import ResourceRef
from aivp.compile.targets import Targets
from aivp.compile.text import whole_or_text
from aivp.compile.whole import check_here, no_field
from aivp.diagnostics import Diagnostics, Refused, Related
from aivp.model.expression import Ref
from aivp.plugins.suggestion import did_you_mean, listing


@dataclass(frozen=True, slots=True)
class Resolved:
    """Attributes by address, with expressions in them; `references`: pairs (before, after) of addresses."""

    attributes: Mapping[str, Mapping[str, Json]]
    references: frozenset[tuple[str, str]]
    targets: Targets


def resolve(expanded: Expanded, scope: Scope, diagnostics: Diagnostics) -> Resolved:
    """Fill in every reference. Mistakes go to `diagnostics`; an unknown value then stands at their place.

    Raises Refused where references make more of a value than anybody may hold.
    """
    reader = FieldReader(scope, diagnostics)
    fields = {address: reader.read(instance) for address, instance in expanded.instances.items()}
    resolver = _Resolver(fields, Targets(expanded), diagnostics)
    for pending in reader.pending:
        resolver.work_out(pending)
    changed = {pending.owner.address for pending in reader.pending}
    attributes = {
        address: without_null(_settled(item)) if address in changed else item for address, item in fields.items()
    }
    _weigh(expanded, attributes, resolver.sizes, diagnostics)
    return Resolved(attributes, frozenset(resolver.references), resolver.targets)


def _weigh(
    expanded: Expanded, attributes: Mapping[str, Mapping[str, Json]], sizes: Sizes, diagnostics: Diagnostics
) -> None:
    """Refuse what is too large once it is written out. Raises Refused, since nobody may walk through such a value."""
    times = Counter(id(instance.declaration) for instance in expanded.instances.values())
    for address, instance in expanded.instances.items():
        declaration = instance.declaration
        if declaration.is_plain and times[id(declaration)] == 1:
            continue  # as large as its document
        try:
            sizes.check_total(attributes[address])
        except Mistake as mistake:
            mistake.report(diagnostics, declaration, address)
            raise Refused(diagnostics.sorted()) from None


class _Resolver:
    """Works out pending texts, those that they wait for first, without recursion."""

    def __init__(self, fields: Mapping[str, Fields], targets: Targets, diagnostics: Diagnostics) -> None:
        self.fields = fields
        self.targets = targets
        self.diagnostics = diagnostics
        self.references: set[tuple[str, str]] = set()
        self.sizes = Sizes()

    def work_out(self, first: Pending) -> None:
        """Give `first`, and all that it waits for, its result."""
        stack = [] if first.is_done else [first]
        waiting = {id(first)}
        while stack:
            pending = stack[-1]
            try:
                following = next((item for item in self._inputs(pending) if not item.is_done), None)
                if following is None:
                    pending.result = self._value(pending)
                    self.sizes.check(pending.result)
                elif id(following) in waiting:
                    raise _circle([*stack[_index(stack, following) :], following])
                else:
                    stack.append(following)
                    waiting.add(id(following))
                    continue
            except Mistake as mistake:
                self._report(mistake, pending)
            pending.is_done = True
            waiting.discard(id(stack.pop()))

    def _report(self, mistake: Mistake, pending: Pending) -> None:
        pending.result = Unknown()
        mistake.beneath(*pending.path).report(self.diagnostics, pending.owner.declaration, pending.owner.address)

    def _inputs(self, pending: Pending) -> Iterator[Pending]:
        if not pending.needs:
            parts = [part for part in pending.parts if isinstance(part, ResourceRef)]
            found = each(lambda part: self._targets(part, pending), ((None, part) for part in parts))
            pending.needs += [(part, item) for part, items in zip(parts, found, strict=True) for item in items]
        for reference, target in pending.needs:
            yield from _pending_in(self._raw(reference, target)[0])

    def _targets(self, reference: ResourceRef, pending: Pending) -> list[Instance]:
        if reference.is_list and len(pending.parts) > 1:
            why = f"${{{reference}}} is a list, so it cannot stand inside text."
            raise Mistake("AIVP0206", why, "Refer to it as a whole value, or join it in a template.")
        if not reference.path:
            raise no_field(reference)
        found = self.targets.find(reference, pending.owner)
        check_here(reference, pending.owner, found)
        for target in found:
            self._raw(reference, target)  # an unknown field is told, whatever else is wrong with the text
        return found

    def _raw(self, reference: ResourceRef, target: Instance) -> tuple[Json, Sequence[str | int]]:
        """What stands at the reference's path in the target's fields, as far as it can be followed, and the rest."""
        name, *rest = [step for step in reference.path if isinstance(step, (str, int))]
        value = self._field(str(name), reference, target)
        while rest and not isinstance(value, (Pending, Tagged)):
            value = step_into(value, rest.pop(0), str(reference))
        return value, rest

    def _field(self, name: str, reference: ResourceRef, target: Instance) -> Json:
        fields, kind = self.fields[target.address], target.declaration.kind
        if name in fields:
            return fields[name]
        meaning = kind.fields.get(name)
        if meaning is None:
            mend = did_you_mean(name, kind.fields) or f"Fields: {listing(kind.fields)}."
            raise Mistake("AIVP0203", f"${{{reference}}}: {kind.name} has no field {name}.", mend)
        if meaning.computed:
            return Ref(target.address, (name,))
        if meaning.default is not None and without_refused(kind, fields, {name: meaning.default}):
            return meaning.default
        if meaning.content and {meaning.content.source, meaning.content.template} & fields.keys():
            why = f"${{{reference}}}: {name} of {target.address} comes from a file of the project."
            raise Mistake("AIVP0218", why, "Refer to a field that is written in the declaration.")
        why = f"${{{reference}}}: {target.address} does not declare {name}, and its provider does not compute it."
        raise Mistake("AIVP0218", why, f"Declare {name} there, or put it into values and refer to it from both.")

    def _value(self, pending: Pending) -> Json:
        found: list[Json] = []
        needs = iter(pending.needs)
        for part in pending.parts:
            if not isinstance(part, ResourceRef):
                found.append(part)
            elif part.is_list:
                found.append([self._one(part, target, pending) for _, target in pending.needs])
            else:
                found.append(self._one(*next(needs), pending))
        return whole_or_text(found, pending.text)

    def _one(self, reference: ResourceRef, target: Instance, pending: Pending) -> Json:
        value, rest = self._raw(reference, target)
        value = _followed(_settled(value), rest, reference)
        if isinstance(value, Unknown):
            raise Reported
        if target is not pending.owner:
            self.references.add((target.address, pending.owner.address))
        self._refuse_own_future(value, reference, pending)
        return value

    def _refuse_own_future(self, value: Json, reference: ResourceRef, pending: Pending) -> None:
        if isinstance(value, Ref) and value.to == pending.owner.address:
            why = f"${{{reference}}} is known only after {value.to} is applied, and stands in its own declaration."
            raise Mistake("AIVP0219", why, "Refer to what is declared, or let another resource take it.")


def _followed(value: Json, steps: Sequence[str | int], reference: ResourceRef) -> Json:
    for done, step in enumerate(steps):
        if isinstance(value, Ref):
            return Ref(value.to, (*value.path, *steps[done:]))
        if isinstance(value, Unknown):
            return value
        value = step_into(value, step, str(reference))
    return value


def _circle(members: Sequence[Pending]) -> Mistake:
    """The circle from its smallest member on; `members` ends where it starts."""
    ring = members[:-1]
    start = ring.index(min(ring, key=_field_name))
    ring = [*ring[start:], *ring[:start]]
    way = " → ".join(map(_field_name, [*ring, ring[0]]))
    places = [item.owner.declaration.span(*item.path) for item in ring]
    related = [Related(place, "the circle leads through here") for place in places]
    why = f"These fields refer to each other in a circle: {way}."
    return Mistake("AIVP0219", why, "Write out one of them, or let both take it from `values`.", related=related)


def _field_name(pending: Pending) -> str:
    return ".".join((pending.owner.address, *map(str, pending.path)))


def _index(stack: Sequence[Pending], member: Pending) -> int:
    return next(index for index, item in enumerate(stack) if item is member)


def _pending_in(value: Json) -> Iterator[Pending]:
    match value:
        case Pending():
            yield value
        case dict():
            for item in value.values():
                yield from _pending_in(item)
        case list():
            for item in value:
                yield from _pending_in(item)
        case _:
            return


def _settled(value: Json) -> Json:
    """`value` with every Pending replaced by its result; parts without one are shared."""
    match value:
        case Pending():
            return value.result
        case dict():
            new = {key: _settled(item) for key, item in value.items()}
            return new if any(new[key] is not value[key] for key in value) else value
        case list():
            items = [_settled(item) for item in value]
            return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
        case _:
            return value
