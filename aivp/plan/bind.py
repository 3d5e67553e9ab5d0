"""(IR, evidence) → every resource with facts, outputs and conditions filled in; what only apply can tell stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aivp_contract import canonical, diff
from aivp_contract.manifest import Kind
from aivp_contract.normal import normal
from aivp_contract.observation import Observation
from aivp_contract.values import Json, Secret, Tagged, Unknown, contains, replace

from aivp.model.evidence import Evidence
from aivp.model.expression import EXPRESSIONS, Fact, Ref, Template, Text
from aivp.model.object import Object
from aivp.model.resource import IR, Resource
from aivp.plan.fit import Fit
from aivp.plugins.wording import Violation

Render = Callable[[Sequence[Template]], Sequence[str]]
"""Texts of templates whose variables are all known; the templates room provides it."""

Kinds = Mapping[str, Kind]


@dataclass(frozen=True, slots=True)
class Bound:
    """A resource with its values as far as they are known. condition: None while a fact that decides it is unknown.

    misfits: objections to values that evidence brought; nobody is asked about such a resource, and no plan holds it.
    """

    resource: Resource
    attributes: Mapping[str, Json]
    is_known: bool
    condition: bool | None = True
    misfits: Sequence[Violation] = ()

    @property
    def desired(self) -> dict[str, Json]:
        """The attributes with everything that is not known yet as Unknown."""
        return dict(replace(dict(self.attributes), EXPRESSIONS, _unknown))

    @property
    def known(self) -> dict[str, Json]:
        """Only the attributes that are known whole."""
        return {name: value for name, value in self.attributes.items() if not contains(value, EXPRESSIONS)}


def bind(
    ir: IR, order: Sequence[str], evidence: Evidence, kinds: Kinds, render: Render, *, is_provisional: bool = False
) -> dict[str, Bound]:
    """Every resource of `ir`, bound, in `order`.

    is_provisional: what was not observed yet is taken to be as state recorded it; for deciding what to ask a host.
    """
    binder = _Binder(ir, evidence, kinds, render, is_provisional)
    for address in order:
        binder.bind(ir.resources[address])
    return binder.bound


@dataclass(frozen=True, slots=True)
class Fill:
    """Fills expressions in: `resolve` gives a reference's value, or the reference itself while nobody knows it."""

    resolve: Callable[[Ref | Fact], Json]
    render: Render

    def attributes(self, attributes: Mapping[str, Json]) -> dict[str, Json]:
        """Attributes with every expression replaced that can be."""
        found: dict[str, Json] = replace(dict(attributes), (Ref, Fact), self.resolve)
        found = replace(found, (Text,), self._text)
        filled: dict[str, Json] = replace(found, (Template,), self._template)
        return filled

    def _text(self, text: Text) -> Json:
        """Parts that are all known become text, or a secret made of them."""
        parts = [self._part(part) for part in text.parts]
        if any(isinstance(part, EXPRESSIONS) for part in parts):
            return Text(tuple(parts))
        if any(isinstance(part, Secret) for part in parts):
            return Secret({"text": parts})
        return "".join(parts)

    def _part(self, part: Json) -> Json:
        value = self.resolve(part) if isinstance(part, (Ref, Fact)) else part
        if isinstance(value, Tagged):
            return value
        return value if type(value) is str else canonical.encode(value).decode()

    def _template(self, template: Template) -> Json:
        """A template whose variables are all known becomes its text, or a secret where one of them is."""
        variables = self.attributes(template.vars)
        bound = Template(template.name, template.source, variables)
        if contains(variables, EXPRESSIONS):
            return bound
        if contains(variables, (Secret,)):
            return Secret({"template": bound.form()})
        (text,) = self.render([bound])
        return text


class _Binder:
    def __init__(self, ir: IR, evidence: Evidence, kinds: Kinds, render: Render, is_provisional: bool) -> None:
        self.ir = ir
        self.evidence = evidence
        self.kinds = kinds
        self.is_provisional = is_provisional
        self.fill = Fill(self._resolve, render)
        self.fit = Fit()
        self.bound: dict[str, Bound] = {}
        self.rows = current_rows(ir, evidence.objects)

    def bind(self, resource: Resource) -> None:
        condition = True if resource.when is None else self._condition(resource.when)
        if not contains(resource.attributes, EXPRESSIONS):
            self.bound[resource.address] = Bound(resource, resource.attributes, True, condition)
            return
        attributes = self.fill.attributes(resource.attributes)
        kind = self.kinds[resource.kind]
        misfits = self.fit.misfits(kind, resource.attributes, attributes)
        if not misfits:
            attributes = normal(kind.fields, attributes)
        is_known = not contains(attributes, EXPRESSIONS)
        self.bound[resource.address] = Bound(resource, attributes, is_known, condition, misfits)

    def _resolve(self, expression: Ref | Fact) -> Json:
        return self._fact(expression) if isinstance(expression, Fact) else self._output(expression)

    def _fact(self, fact: Fact) -> Json:
        host = self.evidence.hosts.get(fact.host)
        if host is None or host.error is not None:
            return fact
        return _at(host.facts, fact.path, fact)

    def _output(self, ref: Ref) -> Json:
        """A computed field: what the provider foresees, or what state recorded where nothing will change."""
        bound = self.bound.get(ref.to)
        if bound is None or not bound.is_known:
            return ref
        seen = self.evidence.seen.get(ref.to)
        row = self.rows.get(ref.to)
        if seen is None or seen.observation is None:
            if self.is_provisional and row is not None and same_values(row.attributes, bound.attributes):
                return _at(row.outputs, ref.path, ref)
            return ref
        foreseen = _at(seen.observation.computed, ref.path, None)
        kind = self.kinds[bound.resource.kind]
        prior = None if row is None else row.attributes
        if foreseen is not None:
            is_open = contains(foreseen, (Unknown,)) or (
                _may_be_replaced(kind, seen.observation)
                and diff.decide(kind, bound.attributes, seen.observation, prior).action == "replace"
            )  # whatever was foreseen then was foreseen of the old one
            return ref if is_open else foreseen
        if row is not None and diff.decide(kind, bound.attributes, seen.observation, prior).action == "no-op":
            return _at(row.outputs, ref.path, ref)
        return ref

    def _condition(self, condition: Json) -> bool | None:
        """Three-valued: None where an unknown fact decides."""
        if "test" in condition:
            value = condition["test"]
            value = self._resolve(value) if isinstance(value, (Ref, Fact)) else value
            if isinstance(value, EXPRESSIONS):
                return None
            return any(type(value) is type(item) and value == item for item in condition["any_of"])
        if "not" in condition:
            inner = self._condition(condition["not"])
            return None if inner is None else not inner
        is_all = "all" in condition
        inner_values = [self._condition(item) for item in condition["all" if is_all else "any"]]
        if (not is_all) in inner_values:
            return not is_all
        return None if None in inner_values else is_all


def _may_be_replaced(kind: Kind, seen: Observation) -> bool:
    """Cheap, and true wherever a difference could ask for a replacement."""
    return seen.observed is not None and (bool(seen.replace) or bool(kind.immutable))


def current_rows(ir: IR, objects: Sequence[Object]) -> dict[str, Object]:
    """Address → the object that it stands for today: recorded under it, or under the address it was moved from."""
    rows = {item.address: item for item in objects if not item.is_deposed}
    for old, new in ir.moved.items():
        if old in rows and new not in rows and _is_same_place(rows[old], ir.resources.get(new)):
            rows[new] = rows.pop(old)
    return rows


def _is_same_place(row: Object, resource: Resource | None) -> bool:
    """An address moves, a real thing does not: on another host, or of another kind, it is another thing."""
    return resource is None or (resource.host, resource.kind) == (row.host, row.kind)


def same_values(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Equality of attributes in their artifact form."""
    return one.keys() == other.keys() and canonical.encode(dict(one)) == canonical.encode(dict(other))


def _at(value: Json, path: Sequence[str | int], otherwise: Json) -> Json:
    for part in path:
        if isinstance(part, int):
            is_there = type(value) is list and -len(value) <= part < len(value)
        else:
            is_there = isinstance(value, Mapping) and part in value
        if not is_there:
            return otherwise
        value = value[part]
    return value


def _unknown(_: Json) -> Unknown:
    return Unknown()
