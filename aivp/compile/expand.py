"""Declarations → instances: kinds looked up, hosts selected, `for_each` multiplied, static `when` decided."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from aivp_contract.values import Json

from aivp.compile.condition import TRUE, both, decide
from aivp.compile.each import keys_of
from aivp.compile.guests import in_order
from aivp.compile.hosts import Hosts, read_hosts
from aivp.compile.instance import Declaration, Expanded, Instance, Target, is_unknown, unknown_kind
from aivp.compile.mistake import Mistake
from aivp.compile.reserved import IN_DEFAULTS, RESERVED, read_lifecycle, read_meta, read_target, read_targets
from aivp.compile.scope import Scope
from aivp.compile.syntax import format_target
from aivp.compile.text import plain
from aivp.config.project import Declared, Project
from aivp.diagnostics import Diagnostics
from aivp.model.address import CONTROLLER, KIND, NAME
from aivp.model.resource import NO_LIFECYCLE, NO_META, Host
from aivp.plugins import Registry
from aivp.plugins.suggestion import did_you_mean, listing

MAX_INSTANCES = 250_000

_LATER_KINDS = {"secret": "vaults", "agent": "AI agents"}

_KEY = re.compile(rf"({KIND})\.({NAME})")
_EACH = re.compile(r"\$\{each\b|\[each\.")
_ON_HOST = re.compile(r"\$\{host\b")
_RESERVED = frozenset(RESERVED)
_TREATMENT = ("lifecycle", "meta", "depends_on", "notify")


def expand(project: Project, registry: Registry, scope: Scope, diagnostics: Diagnostics) -> Expanded:
    """Every instance of `project`; mistakes go to `diagnostics`, and what has one is left out."""
    hosts = read_hosts(project, scope, diagnostics)
    checked = {kind: _checked_defaults(kind, item, registry, diagnostics) for kind, item in project.defaults.items()}
    defaults = {kind: item for kind, item in checked.items() if item is not None}
    expander = _Expander(hosts, scope, diagnostics)
    read = (_declaration(name, project.resources[name], defaults, registry, diagnostics) for name in project.resources)
    declarations = in_order((item for item in read if item is not None), diagnostics)
    for declaration in declarations:
        if declaration.kind.channel is not None or is_unknown(declaration.kind):
            hosts.guests.declare(declaration.base)
    for declaration in declarations:
        expander.expand(declaration)
    used = {item.place for item in expander.instances.values() if item.place}
    controller = {CONTROLLER: Host(CONTROLLER, "local")} if CONTROLLER in used else {}
    everywhere = dict(sorted({**hosts.by_name, **hosts.guests.by_name, **controller}.items()))
    instances = dict(sorted(expander.instances.items()))
    broken = {name.partition(".")[2] for name in project.flaws.broken if name.startswith("resources.")}
    broken |= expander.broken
    declared = frozenset({*project.resources, *broken})
    groups = {name: members for name, members in hosts.groups.items() if members is not None}
    left_out = expander.left_out
    return Expanded(everywhere, instances, left_out, declared, groups, hosts.rollouts, frozenset(broken))


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
        _refuse_kind(name, match[1], declared, registry, diagnostics)
        kind = unknown_kind(match[1])
    body = {} if declared.value is None else declared.value
    if type(body) is not dict:
        diagnostics.error("AIVP0211", f"{name} is a mapping of fields.", span=declared.span())
        return None
    base = defaults.get(kind.name)
    own = body if body.keys().isdisjoint(_RESERVED) else {k: v for k, v in body.items() if k not in _RESERVED}
    fallback = {k: v for k, v in base.value.items() if k not in _RESERVED and k not in own} if base else {}
    is_plain = _is_plain(own) and (not fallback or _is_plain(fallback))
    return Declaration(kind, match[2], declared, body, own, fallback, base, is_plain, is_broken=is_unknown(kind))


def _refuse_kind(what: str, kind: str, declared: Declared, registry: Registry, diagnostics: Diagnostics) -> None:
    provider, is_third_party, _ = kind.partition("/")
    if kind in _LATER_KINDS:
        why = f"{what}: the kind {kind} comes with {_LATER_KINDS[kind]} and is refused until then."
        diagnostics.error("AIVP0213", why, f"Known kinds: {listing(registry.kinds, 30)}.", span=declared.key_span())
        return
    mend = did_you_mean(kind, registry.kinds)
    if not mend and is_third_party and provider not in registry.providers:
        mend = f"Install the provider {provider} beside aivp: `aivp providers list` says what is there, or is broken. "
        mend += "To go on without it: take its resources out, and forget what it made: aivp state rm ADDRESS."
    why = f"{what}: no installed provider serves the kind {kind[:80]}."
    mend = mend or f"Known kinds: {listing(registry.kinds, 30)}."
    diagnostics.error("AIVP0300", why, mend, span=declared.key_span())


def _checked_defaults(kind: str, declared: Declared, registry: Registry, diagnostics: Diagnostics) -> Declared | None:
    """Defaults without what they cannot hold; None where nothing of them can be used."""
    if type(declared.value) is not dict:
        diagnostics.error("AIVP0211", f"defaults of {kind} is a mapping of fields.", span=declared.span())
        return None
    found = registry.kind(kind)
    if found is None:
        _refuse_kind("defaults", kind, declared, registry, diagnostics)
        return None
    known = found.fields.keys() | set(IN_DEFAULTS)
    for name in sorted(declared.value.keys() - known):
        mend = (
            "It stands on resources only."
            if name in _RESERVED
            else did_you_mean(name, known) or f"Known: {listing(known, 30)}."
        )
        diagnostics.error(
            "AIVP0301", f"defaults of {kind} cannot hold {name[:80]}.", mend, span=declared.key_span(name)
        )
    value = {name: item for name, item in declared.value.items() if name in known}
    return replace(declared, value=value)


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
        self.broken: set[str] = set()
        self.left_out: dict[tuple[str, str | None, str], str] = {}
        self._scopes: dict[str, Scope] = {}

    def expand(self, declaration: Declaration) -> None:
        """Add the instances of one declaration; where its hosts or keys have a mistake, one that stands in for them."""
        if declaration.is_broken:
            self.broken.add(declaration.base)
        made: list[str] = []
        try:
            for scope in self._places(declaration):
                made += self._add(declaration, scope)
        except Mistake as mistake:
            mistake.report(self.diagnostics, declaration)
            for address in made:
                del self.instances[address]
            self._stand_in(replace(declaration, is_broken=True))

    def _stand_in(self, declaration: Declaration) -> None:
        """Check what needs neither host nor key."""
        self.broken.add(declaration.base)
        unknown = frozenset(("host", "each") if "for_each" in declaration.body else ("host",))
        scope = replace(self.scope, unknown=unknown)
        wanted = _member(declaration, "host")
        for read in (lambda: self._select(wanted, scope), lambda: list(self._keys(declaration, scope))):
            try:
                read()
            except Mistake as mistake:
                mistake.report(self.diagnostics, declaration)
        self._add(declaration, scope, is_stand_in=True)

    def _places(self, declaration: Declaration) -> Iterator[Scope]:
        """A scope for every combination of host and key."""
        if declaration.kind.placement == "controller":
            if _member(declaration, "host") is not None:
                why = f"{declaration.kind.name} is served on the controller, so it has no host."
                raise Mistake("AIVP0211", why, "Remove host.", "host")
            yield from self._keys(declaration, self.scope.on_controller())
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

    def _add(self, declaration: Declaration, scope: Scope, is_stand_in: bool = False) -> Iterable[str]:
        """Add one instance, unless its `when` is false; its address."""
        host, base = scope.host, declaration.base
        place = "" if is_stand_in else CONTROLLER if host is None else host.name
        verdict = self._read(declaration, "when", lambda value: TRUE if value is None else decide(value, scope))
        if verdict.holds is False:
            self.left_out[base, scope.key, place] = verdict.reason
            return ()
        depends_on: tuple[Target, ...] = ()
        notify: tuple[Target, ...] = ()
        address = base if is_stand_in else f"{format_target(base, scope.key)}@{place}"
        if declaration.defaults is None and _TREATED.isdisjoint(declaration.body):
            lifecycle, meta = NO_LIFECYCLE, NO_META
        else:
            lifecycle = self._read(
                declaration, "lifecycle", lambda value: read_lifecycle(plain(value, scope), declaration.kind)
            )
            meta = self._read(declaration, "meta", lambda value: read_meta(plain(value, scope)))
            depends_on = self._targets(declaration, scope, "depends_on")
            notify = self._targets(declaration, scope, "notify")
        if len(self.instances) >= MAX_INSTANCES and not is_stand_in:
            raise Mistake("AIVP0209", f"The project has more than {MAX_INSTANCES} resources.")
        instance = self.instances[address] = Instance(
            address,
            declaration,
            scope.key,
            scope.item,
            host,
            place,
            both(verdict.rest, self.hosts.guests.conditions.get(place)),
            lifecycle,
            meta,
            depends_on,
            notify,
            scope.unknown,
        )
        if declaration.kind.channel is not None and not is_stand_in:
            self.hosts.guests.add(instance)
        return (address,)

    def _targets(self, declaration: Declaration, scope: Scope, name: str) -> tuple[Target, ...]:
        listed = self._read(declaration, name, lambda value: read_targets(plain(value, scope), name))
        found = []
        for path, text in listed:
            try:
                found.append(Target((name, *path), read_target(text, name)))
            except Mistake as mistake:
                mistake.beneath(name, *path).report(self.diagnostics, declaration)
        return tuple(found)

    def _read(self, declaration: Declaration, name: str, how: Callable[[Json], Any]) -> Any:
        """A reserved member; one with a mistake counts as left out."""
        try:
            return how(_member(declaration, name))
        except Mistake as mistake:
            mistake.beneath(name).report(self.diagnostics, declaration)
            return how(None)


_TREATED = frozenset(_TREATMENT)


def _member(declaration: Declaration, name: str) -> Json:
    """A reserved member; `defaults` may give it, too."""
    body = declaration.body
    if name in body or declaration.defaults is None or name not in IN_DEFAULTS:
        return body.get(name)
    return declaration.defaults.value.get(name)


def _mentions(pattern: re.Pattern[str], value: Json) -> bool:
    if type(value) is str:
        return pattern.search(value) is not None
    if type(value) is dict:
        return any(_mentions(pattern, item) for item in value.values())
    return type(value) is list and any(_mentions(pattern, item) for item in value)
