"""`providers:` → the configuration of each provider, checked against its manifest and in normal form.

It is sent when a provider starts, wherever that is: so it knows variables, values and secrets, and neither hosts nor
resources. A provider whose kinds are used and that needs a configuration must have one.
"""

from __future__ import annotations

from collections.abc import Mapping

from aivp_contract.manifest import Field, Kind, Manifest
from aivp_contract.normal import NotNormal, normal_value
from aivp_contract.values import Json, Secret, Unknown

from aivp.compile.fields import without_null
from aivp.compile.instance import Expanded
from aivp.compile.lower import with_defaults
from aivp.compile.mistake import Mistake
from aivp.compile.scope import Scope
from aivp.compile.size import Sizes
from aivp.compile.text import substitute
from aivp.config.project import Declared, Project
from aivp.diagnostics import Diagnostic, Diagnostics, Span
from aivp.plugins import Registry
from aivp.plugins.suggestion import did_you_mean, listing
from aivp.plugins.validate import Validator
from aivp.plugins.wording import Violation

Configuration = dict[str, dict[str, Json]]
"""Provider → member → value, with secrets by their origin."""


def read_configuration(
    project: Project, expanded: Expanded, registry: Registry, scope: Scope, diagnostics: Diagnostics
) -> Configuration:
    """What each provider is to be started with, sorted; mistakes go to `diagnostics`."""
    found: Configuration = {}
    for name in sorted(project.providers):
        try:
            manifest = _manifest(name, registry)
        except Mistake as mistake:
            diagnostics.error(mistake.code, mistake.why, mistake.mend, span=project.providers[name].key_span())
            continue
        found[name] = _Reader(name, manifest, project.providers[name], scope, diagnostics).read()
    for name, (address, span) in sorted(_first_uses(expanded).items()):
        manifest = registry.providers[name].manifest
        if manifest.configuration is None or name in project.providers or project.is_broken("providers", name):
            continue
        missing = manifest.configuration.get("required", ())
        if missing:
            why = f"{address}: the provider {name} needs a configuration, at least {listing(missing)}."
            mend = f"Say providers: {{{name}: {{{', '.join(f'{item}: …' for item in sorted(missing))}}}}}."
            diagnostics.error("AIVP0315", why, mend, span=span, address=address)
    return found


def _manifest(name: str, registry: Registry) -> Manifest:
    """The manifest of a provider that takes a configuration. Raises Mistake."""
    if name not in registry.providers:
        mend = did_you_mean(name, registry.providers) or f"Installed: {listing(registry.providers)}."
        raise Mistake("AIVP0313", f"The provider {name} is not installed.", mend)
    manifest = registry.providers[name].manifest
    if manifest.configuration is None:
        raise Mistake("AIVP0315", f"The provider {name} takes no configuration.", "Remove it.")
    return manifest


def _first_uses(expanded: Expanded) -> dict[str, tuple[str, Span]]:
    """Provider → the first resource that it serves, and where that is declared."""
    found: dict[str, tuple[str, Span]] = {}
    for address, item in expanded.instances.items():
        if item.declaration.kind.provider:
            found.setdefault(item.declaration.kind.provider, (address, item.declaration.declared.key_span()))
    return found


class _Reader:
    """Reads one configuration: references filled in, held to the schema, in normal form with its defaults."""

    def __init__(
        self, name: str, manifest: Manifest, declared: Declared, scope: Scope, diagnostics: Diagnostics
    ) -> None:
        self.where = f"providers.{name}"
        self.schema = Kind(self.where, name, manifest.configuration or {}, manifest.settings, ())
        self.declared = declared
        self.scope = scope
        self.diagnostics = diagnostics

    def read(self) -> dict[str, Json]:
        members = dict(without_null({name: self._filled(name) for name in self.declared.value}))
        unfit: set[str] = set()
        for violation in Validator().check(self.schema, members):
            unfit.update(str(step) for step in violation.path[:1])
            self.diagnostics.add(self._objection(violation))
        for name, value in members.items():
            self._check_secret(name, value)
        complete = {**{k: m.default for k, m in self.schema.fields.items() if m.default is not None}, **members}
        return {name: self._normal(name, complete[name]) for name in sorted(complete.keys() - unfit)}

    def _filled(self, name: str) -> Json:
        try:
            value = substitute(self.declared.value[name], self.scope)
            Sizes().check(value)
            return value
        except Mistake as mistake:
            mistake.beneath(name).report(self.diagnostics, self.declared)
            return Unknown()

    def _objection(self, violation: Violation) -> Diagnostic:
        if violation.is_unknown_field:
            where, span = (
                ".".join((self.where, *map(str, violation.path[:-1]))),
                self.declared.key_span(*violation.path),
            )
            return Diagnostic("AIVP0301", f"{where}: {violation.message}", violation.mend, span)
        where = ".".join((self.where, *map(str, violation.path)))
        span = self.declared.span(*violation.path) if violation.path else self.declared.key_span()
        return Diagnostic("AIVP0302", f"{where}: {violation.message}", violation.mend, span)

    def _check_secret(self, name: str, value: Json) -> None:
        meaning = self.schema.fields.get(name, Field())
        if isinstance(value, Secret):
            schema: Mapping[str, Json] = self.schema.schema["properties"].get(name, {})
            if schema.get("type") != "string" or "enum" in schema or meaning.semantic:
                why = f"{self.where}.{name}: a secret is text, and this takes something else."
                self.diagnostics.error("AIVP0302", why, span=self.declared.span(name))
        elif meaning.sensitive and not isinstance(value, Unknown):
            why = (
                f"{self.where}.{name} is a credential, and is written out here: plans and their readers would know it."
            )
            mend = f"Declare it under secrets, and refer to it: {name}: ${{secret.NAME}}."
            self.diagnostics.error("AIVP0308", why, mend, span=self.declared.span(name))

    def _normal(self, name: str, value: Json) -> Json:
        meaning = self.schema.fields.get(name, Field())
        try:
            return normal_value(meaning, with_defaults(meaning, value))
        except NotNormal as error:
            self.diagnostics.error("AIVP0302", f"{self.where}.{name}: {error}.", span=self.declared.span(name))
            return value
