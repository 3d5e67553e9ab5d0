"""Do the attributes of every instance fit its kind? Its schema, the rules of its manifest, what nobody may declare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aivp_contract.manifest import Kind, Rule
from aivp_contract.values import Json, Secret

from aivp.compile.fields import rule_applies
from aivp.compile.instance import Instance
from aivp.diagnostics import Diagnostic, Diagnostics
from aivp.model.taint import uses
from aivp.plugins.validate import Validator
from aivp.plugins.wording import Violation, show

Attributes = Mapping[str, Mapping[str, Json]]
"""By address."""


def validate(
    instances: Mapping[str, Instance], attributes: Attributes, diagnostics: Diagnostics
) -> set[tuple[int, str]]:
    """Report every field that does not fit; (id of the declaration, field) of those.

    Attributes shared by several instances are looked at once.
    """
    unfit: set[tuple[int, str]] = set()
    validator = Validator()
    seen: set[int] = set()
    for address, fields in attributes.items():
        if id(fields) in seen:
            continue
        seen.add(id(fields))
        instance = instances[address]
        kind = instance.declaration.kind
        for violation in validator.check(kind, fields):
            unfit.update((id(instance.declaration), str(step)) for step in violation.path[:1])
            if not _is_computed(kind, violation):
                diagnostics.add(_objection(instance, violation))
        for diagnostic in _declared_computed(instance, fields):
            diagnostics.add(diagnostic)
        for diagnostic in _exposed_secrets(instance, fields):
            diagnostics.add(diagnostic)
        for rule in kind.rules:
            if rule_applies(rule, kind, fields):
                for why, mend, path in _broken(rule, fields):
                    place = instance.declaration.key_span(*path)
                    what = f"{address}: {why}{_because(rule)}."
                    diagnostics.error("AIVP0304", what, mend, span=place, address=address)
    return unfit


def _is_computed(kind: Kind, violation: Violation) -> bool:
    """Computed fields have a message of their own."""
    return bool(violation.path) and violation.path[0] in kind.computed


def _objection(instance: Instance, violation: Violation) -> Diagnostic:
    where = ".".join((instance.address, *map(str, violation.path)))
    if violation.is_unknown_field:
        parent = ".".join((instance.address, *map(str, violation.path[:-1])))
        span = instance.declaration.key_span(*violation.path)
        return Diagnostic("AIVP0301", f"{parent}: {violation.message}", violation.mend, span, instance.address)
    span = instance.declaration.span(*violation.path)
    return Diagnostic("AIVP0302", f"{where}: {violation.message}", violation.mend, span, instance.address)


def _declared_computed(instance: Instance, fields: Mapping[str, Json]) -> Iterator[Diagnostic]:
    computed = instance.declaration.kind.computed
    for name in sorted(computed & fields.keys()) if computed else ():
        why = f"{instance.address}: {name} is set by the provider and cannot be declared."
        span = instance.declaration.key_span(name)
        yield Diagnostic("AIVP0303", why, "Remove it; other resources may refer to it.", span, instance.address)


def _exposed_secrets(instance: Instance, fields: Mapping[str, Json]) -> Iterator[Diagnostic]:
    kind = instance.declaration.kind
    for name, meaning in kind.fields.items():
        if (meaning.exposed or name in kind.identity) and name in fields and uses(fields[name]):
            why = f"{instance.address}.{name}: a secret stands where other users of the host can see it."
            mend = "Pass it in a way that nobody else sees, such as stdin or a file."
            yield Diagnostic("AIVP0306", why, mend, instance.declaration.span(name), instance.address)
        elif isinstance(fields.get(name), Secret) and not _takes_text(kind, name):
            why = f"{instance.address}.{name}: a secret is text, and this field takes something else."
            yield Diagnostic("AIVP0302", why, span=instance.declaration.span(name), address=instance.address)


def _takes_text(kind: Kind, name: str) -> bool:
    """Schema validation lets secrets pass, and nobody normalises what only a host may see."""
    schema = kind.schema["properties"][name]
    return schema.get("type", "string") == "string" and "enum" not in schema


def _broken(rule: Rule, fields: Mapping[str, Json]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Every objection with its mend, and the path of the field that it is about."""
    for name in rule.required:
        if name not in fields:
            yield f"{name} is missing", f"Add {name}.", ()
    for name in rule.forbidden:
        if name in fields:
            yield f"{name} is not admitted", f"Remove {name}.", (name,)
    chosen = [name for name in rule.at_most_one if name in fields]
    if len(chosen) > 1:
        why = f"only one of {', '.join(rule.at_most_one)} is admitted, and there are {', '.join(chosen)}"
        yield why, "Keep one of them.", (chosen[-1],)
    if rule.at_least_one and fields.keys().isdisjoint(rule.at_least_one):
        yield f"one of {', '.join(rule.at_least_one)} is missing", "Add one of them.", ()


def _because(rule: Rule) -> str:
    tests = [
        f"{name} is {' or '.join(show(item) for item in admitted)}" for name, admitted in sorted(rule.when.items())
    ]
    return f" where {' and '.join(tests)}" if tests else ""
