"""Declarations → instances: kinds looked up, hosts selected, `for_each` multiplied, static `when` decided."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aivp_contract.values import Json

from aivp.compile.condition import TRUE, Verdict, decide
from aivp.compile.each import keys_of
from aivp.compile.hosts import Hosts, read_hosts
from aivp.compile.instance import Declaration, Expanded, Instance
from aivp.compile.mistake import Mistake
from aivp.compile.reserved import IN_DEFAULTS, RESERVED, read_lifecycle, read_meta, read_targets
from aivp.compile.scope import Scope
from aivp.compile.text import plain
from aivp.config.project import Declared, Project
from aivp.diagnostics import Diagnostics
from aivp.model.address import CONTROLLER, KIND, NAME, format_key
from aivp.model.resource import NO_LIFECYCLE, NO_META, Host
from aivp.plugins import Registry
from aivp.plugins.suggestion import did_you_mean, listing

MAX_INSTANCES = 250_000

_KEY = re.compile(rf"({KIND})\.({NAME})")
_EACH = re.compile(r"\$\{each\b|\[each\.")
_ON_HOST = re.compile(r"\$\{host\b")
_RESERVED = frozenset(RESERVED)
_TREATMENT = ("lifecycle", "meta", "depends_on", "notify")


def expand(project: Project, registry: Registry, scope: Scope, diagnostics: Diagnostics) -> Expanded:
    """Every instance of `project`; mistakes go to `diagnostics`, and what has one is left out."""
    hosts = read_hosts(project, scope, diagnostics)
    defaults = {
        kind: item for kind, item in project.defaults.items() if _check_defaults(kind, item, registry, diagnostics)
    }
    expander = _Expander(hosts, scope, diagnostics)
    for name in sorted(project.resources):
        declaration = _declaration(name, project.resources[name], defaults, registry, diagnostics)
        if declaration is not None:
            expander.expand(declaration)
    used = {item.place for item in expander.instances.values()}
    controller = {CONTROLLER: Host(CONTROLLER, "local")} if CONTROLLER in used else {}
    everywhere = dict(sorted({**hosts.by_name, **controller}.items()))
    instances = dict(sorted(expander.instances.items()))
    return Expanded(everywhere, instances, expander.left_out, frozenset(project.resources))


def _declaration(
    name: str, declared: Declared, defaults: Mapping[str, Declared], registry: Registry, diagnostics: Diagnostics
) -> Declaration | None:
    match = _KEY.fullmatch(name)
    if match is None:
        mend = "Names match [a-z][a-z0-9_-]*; anything else belongs into the identity field."
        diagnostics.error("AIVP0211", f"{name[:80]} is no kind.name.", mend, span=declared.key_span())
        return None
    kind = registry.kind(match[1])
    if kind is None:
        mend = did_you_mean(match[1], registry.kinds) or f"Known kinds: {listing(registry.kinds, 30)}."
        diagnostics.error(
            "AIVP0300", f"{name}: no installed provider serves the kind {match[1]}.", mend, span=declared.key_span()
        )
        return None
    body = {} if declared.value is None else declared.value
    if type(body) is not dict:
        diagnostics.error("AIVP0211", f"{name} is a mapping of fields.", span=declared.span())
        return None
    base = defaults.get(kind.name)
    own = body if body.keys().isdisjoint(_RESERVED) else {k: v for k, v in body.items() if k not in _RESERVED}
    fallback = {k: v for k, v in base.value.items() if k not in _RESERVED and k not in own} if base else {}
    is_plain = _is_plain(own) and (not fallback or _is_plain(fallback))
    return Declaration(kind, match[2], declared, body, own, fallback, base, is_plain)


def _check_defaults(kind: str, declared: Declared, registry: Registry, diagnostics: Diagnostics) -> bool:
    if type(declared.value) is not dict:
        diagnostics.error("AIVP0211", f"defaults of {kind} is a mapping of fields.", span=declared.span())
        return False
    found = registry.kind(kind)
    if found is None:
        mend = did_you_mean(kind, registry.kinds) or f"Known kinds: {listing(registry.kinds, 30)}."
        diagnostics.error(
            "AIVP0300", f"defaults: no installed provider serves the kind {kind[:80]}.", mend, span=declared.key_span()
        )
        return False
    known = found.fields.keys() | set(IN_DEFAULTS)
    for name in sorted(declared.value.keys() - known):
        mend = "" if name in _RESERVED else did_you_mean(name, known)
        diagnostics.error(
            "AIVP0301", f"defaults of {kind} cannot hold {name[:80]}.", mend, span=declared.key_span(name)
        )
    return True


def _is_plain(value: Json) -> bool:
    if type(value) is str:
        return "${" not in value
    if type(value) is dict:
        return all(_is_plain(item) for item in value.values())
    if type(value) is list:
        return all(_is_plain(item) for item in value)
    return True


class _Expander:
    """Turns declarations into instances, one after the other."""

    def __init__(self, hosts: Hosts, scope: Scope, diagnostics: Diagnostics) -> None:
        self.hosts = hosts
        self.scope = scope
        self.diagnostics = diagnostics
        self.instances: dict[str, Instance] = {}
        self.left_out: dict[tuple[str, str | None, str], str] = {}
        self._scopes: dict[str, Scope] = {}

    def expand(self, declaration: Declaration) -> None:
        """Add the instances of one declaration; its first mistake ends it."""
        try:
            for scope in self._places(declaration):
                self._add(declaration, scope)
        except Mistake as mistake:
            mistake.report(self.diagnostics, declaration.span(*mistake.path))

    def _places(self, declaration: Declaration) -> Iterator[Scope]:
        """A scope for every combination of host and key."""
        if declaration.kind.placement == "controller":
            if _member(declaration, "host") is not None:
                why = f"{declaration.kind.name} is served on the controller, so it has no host."
                raise Mistake("AIVP0211", why, "Remove host.", "host")
            yield from self._keys(declaration, self.scope)
            return
        wanted = _member(declaration, "host")
        if "for_each" in declaration.body and _mentions(_EACH, wanted):
            yield from self._hosts_by_key(declaration, wanted)
            return
        for host in self._select(wanted, self.scope):
            yield from self._keys(declaration, self._on(host))

    def _on(self, host: Host) -> Scope:
        scope = self._scopes.get(host.name)
        if scope is None:
            scope = self._scopes[host.name] = self.scope.on(host)
        return scope

    def _hosts_by_key(self, declaration: Declaration, wanted: Json) -> Iterator[Scope]:
        if _mentions(_ON_HOST, declaration.body["for_each"]):
            why = "host depends on each, and for_each on the host."
            raise Mistake("AIVP0209", why, "Let only one of them depend on the other.", "for_each")
        for scope in self._keys(declaration, self.scope):
            for host in self._select(wanted, scope):
                yield scope.on(host)

    def _select(self, wanted: Json, scope: Scope) -> list[Host]:
        if type(wanted) is str and (host := self.hosts.by_name.get(wanted)):
            return [host]
        try:
            return self.hosts.select(None if wanted is None else plain(wanted, scope))
        except Mistake as mistake:
            raise mistake.beneath("host") from None

    def _keys(self, declaration: Declaration, scope: Scope) -> Iterator[Scope]:
        if "for_each" not in declaration.body:
            yield scope
            return
        try:
            keys = keys_of(plain(declaration.body["for_each"], scope))
        except Mistake as mistake:
            raise mistake.beneath("for_each") from None
        for key, item in keys:
            yield scope.each(key, item)

    def _add(self, declaration: Declaration, scope: Scope) -> None:
        host = scope.host
        place = CONTROLLER if host is None else host.name
        base = f"{declaration.kind.name}.{declaration.name}"
        verdict = _verdict(declaration, scope)
        if verdict.holds is False:
            self.left_out[base, scope.key, place] = verdict.reason
            return
        address = f"{base}@{place}" if scope.key is None else f"{base}[{format_key(scope.key)}]@{place}"
        if declaration.defaults is None and _TREATED.isdisjoint(declaration.body):
            lifecycle, meta, depends_on, notify = NO_LIFECYCLE, NO_META, (), ()
        else:
            lifecycle = _read(declaration, scope, "lifecycle", lambda value: read_lifecycle(value, declaration.kind))
            meta = _read(declaration, scope, "meta", read_meta)
            depends_on = _read(declaration, scope, "depends_on", lambda value: read_targets(value, "depends_on"))
            notify = _read(declaration, scope, "notify", lambda value: read_targets(value, "notify"))
        if len(self.instances) >= MAX_INSTANCES:
            raise Mistake("AIVP0209", f"The project has more than {MAX_INSTANCES} resources.")
        self.instances[address] = Instance(
            address, declaration, scope.key, scope.item, host, place, verdict.rest, lifecycle, meta, depends_on, notify
        )


_TREATED = frozenset(_TREATMENT)


def _member(declaration: Declaration, name: str) -> Json:
    """A reserved member; `defaults` may give it, too."""
    body = declaration.body
    if name in body or declaration.defaults is None or name not in IN_DEFAULTS:
        return body.get(name)
    return declaration.defaults.value.get(name)


def _read(declaration: Declaration, scope: Scope, name: str, how: Any) -> Any:
    try:
        value = _member(declaration, name)
        return how(None if value is None else plain(value, scope))
    except Mistake as mistake:
        raise mistake.beneath(name) from None


def _verdict(declaration: Declaration, scope: Scope) -> Verdict:
    if "when" not in declaration.body:
        return TRUE
    try:
        return decide(declaration.body["when"], scope)
    except Mistake as mistake:
        raise mistake.beneath("when") from None


def _mentions(pattern: re.Pattern[str], value: Json) -> bool:
    if type(value) is str:
        return pattern.search(value) is not None
    if type(value) is dict:
        return any(_mentions(pattern, item) for item in value.values())
    return type(value) is list and any(_mentions(pattern, item) for item in value)
