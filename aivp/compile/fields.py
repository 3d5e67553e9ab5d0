"""The fields of an instance before references to resources are followed: own ones, defaults, identity from the name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aivp_contract.manifest import Kind, Rule
from aivp_contract.values import Json, Tagged, Unknown

from aivp.compile.instance import Declaration, Instance
from aivp.compile.mistake import Mistake
from aivp.compile.scope import Scope
from aivp.compile.syntax import ResourceRef, has_reference
from aivp.compile.text import static_parts, whole_or_text
from aivp.compile.whole import completed
from aivp.diagnostics import Diagnostics


@dataclass(slots=True, eq=False)
class Pending:
    """A text that waits for other resources: `parts` are literal text, values and references; `result` comes later."""

    owner: Instance
    path: tuple[str | int, ...]
    text: str
    parts: list[Json | ResourceRef]
    result: Json = None
    is_done: bool = False
    needs: list[tuple[ResourceRef, Instance]] = field(default_factory=list)


Fields = Mapping[str, Any]
"""Field → JSON in which Pending may stand for a text."""


class FieldReader:
    """Gives every instance its fields; those of a declaration without references are shared by all its instances."""

    def __init__(self, scope: Scope, diagnostics: Diagnostics) -> None:
        self._scope = scope
        self._diagnostics = diagnostics
        self._shared: dict[int, Fields] = {}
        self.pending: list[Pending] = []

    def read(self, instance: Instance) -> Fields:
        """The fields of `instance`; every Pending in them is in `pending`, too."""
        declaration = instance.declaration
        is_shared = declaration.is_plain and (instance.key is None or not declaration.kind.identity_from_name)
        if is_shared and (found := self._shared.get(id(declaration))) is not None:
            return found
        scope = self._scope if declaration.is_plain else self._scope.of(instance)
        found = without_null(self._merged(declaration, instance, scope))
        if is_shared:
            self._shared[id(declaration)] = found
        return found

    def _merged(self, declaration: Declaration, instance: Instance, scope: Scope) -> Fields:
        own = self._fill_all(declaration.own, declaration, instance, scope)
        kind = declaration.kind
        if kind.identity_from_name and not {*own, *declaration.fallback}.intersection(kind.identity):
            text = declaration.name if instance.key is None else f"{declaration.name}-{instance.key}"
            own = {**own, kind.identity[0]: text}
        if not declaration.fallback:
            return own
        fallback = self._fill_all(declaration.fallback, declaration, instance, scope)
        return {**without_refused(kind, own, fallback), **own}

    def _fill_all(self, fields: Fields, declaration: Declaration, instance: Instance, scope: Scope) -> Fields:
        if declaration.is_plain:
            return fields
        return {name: self._fill(item, (name,), instance, scope) for name, item in fields.items()}

    def _fill(self, value: Json, path: tuple[str | int, ...], instance: Instance, scope: Scope) -> Json:
        if type(value) is str:
            return self._text(value, path, instance, scope) if has_reference(value) else value
        if type(value) is dict:
            if _is_inline(instance.declaration.kind, path):
                return value  # the source of a template is no text with references; `content` looks at it
            new = {key: self._fill(item, (*path, key), instance, scope) for key, item in value.items()}
            return new if any(new[key] is not value[key] for key in value) else value
        if type(value) is list:
            items = [self._fill(item, (*path, index), instance, scope) for index, item in enumerate(value)]
            return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
        return value

    def _text(self, text: str, path: tuple[str | int, ...], instance: Instance, scope: Scope) -> Json:
        try:
            parts = static_parts(text, scope)
            if not any(isinstance(part, ResourceRef) for part in parts):
                return whole_or_text(parts, text)
            if isinstance(parts[0], ResourceRef) and len(parts) == 1 and not parts[0].path:
                parts = [completed(parts[0], instance.declaration.kind, path, self._scope.project.resources)]
        except Mistake as mistake:
            mistake.beneath(*path).report(self._diagnostics, instance.declaration, instance.address)
            return Unknown()
        pending = Pending(instance, path, text, parts)
        self.pending.append(pending)
        return pending


def without_null(fields: Fields) -> Fields:
    """A field that is null counts as left out; so can one take back what `defaults` say."""
    if any(item is None for item in fields.values()):
        return {name: item for name, item in fields.items() if item is not None}
    return fields


def _is_inline(kind: Kind, path: tuple[str | int, ...]) -> bool:
    return len(path) == 1 and any(item.content and item.content.template == path[0] for item in kind.fields.values())


def without_refused(kind: Kind, own: Fields, fallback: Fields) -> Fields:
    """`fallback` without what a rule of the manifest forbids beside `own`: a default never makes a mistake."""
    together = {**fallback, **own}
    refused: set[str] = set()
    for rule in kind.rules:
        if (rule.forbidden or rule.at_most_one) and rule_applies(rule, kind, together):
            refused.update(rule.forbidden)
            if not own.keys().isdisjoint(rule.at_most_one):
                refused.update(rule.at_most_one)
    return {name: item for name, item in fallback.items() if name not in refused} if refused else fallback


def rule_applies(rule: Rule, kind: Kind, fields: Fields) -> bool:
    """True where the condition of `rule` surely holds; a value that is not known yet does not fulfil one.

    A field that nobody declares counts as its default.
    """
    for name, admitted in rule.when.items():
        value = fields[name] if name in fields else kind.fields[name].default if name in kind.fields else None
        if isinstance(value, (Tagged, Pending)) or not any(type(value) is type(a) and value == a for a in admitted):
            return False
    return True
