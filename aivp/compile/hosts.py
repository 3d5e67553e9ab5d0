"""Declared hosts and groups → hosts, and `host:` of a resource → the hosts that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

from aivp_contract.values import Json, Unknown

from aivp.compile.guests import Guests, base_of
from aivp.compile.mistake import Mistake, Reported, each
from aivp.compile.rollouts import MEMBERS, read_rollout
from aivp.compile.scope import Scope
from aivp.compile.shape import labels, mapping, only, texts
from aivp.compile.text import plain
from aivp.compile.transports import read_transport
from aivp.config.project import Declared, Project
from aivp.diagnostics import Diagnostics, Related
from aivp.model.address import CONTROLLER, stands_for
from aivp.model.resource import Host
from aivp.model.rollout import Rollout
from aivp.plugins.suggestion import did_you_mean, listing

Part = TypeVar("Part")


@dataclass(frozen=True)
class Hosts:
    """All hosts and groups of a project; both, and resources that are hosts, share one namespace."""

    by_name: Mapping[str, Host]
    groups: Mapping[str, tuple[str, ...] | None]
    """None: it has a mistake, which is reported."""
    resources: frozenset[str]
    """`kind.name` of every declared resource."""
    unlabelled: bool = False
    """The labels of some host are not known, since they have a mistake."""
    rollouts: tuple[Rollout, ...] = ()
    """Of the groups with `serial`, by name."""
    guests: Guests = field(default_factory=Guests)

    def host(self, name: str) -> Host | None:
        """One by its name."""
        return self.by_name.get(name) or self.guests.by_name.get(name)

    def select(self, wanted: Json) -> list[Host]:
        """The hosts that `host:` names (None: left out), sorted and once each. Raises Mistake."""
        if wanted is None:
            return [self._only_one()]
        if type(wanted) is list:
            names = set(chain.from_iterable(each(self._names, enumerate(wanted))))
        else:
            names = set(self._names(wanted))
        if not names and self.unlabelled:
            raise Reported
        return [found for name in sorted(names) if (found := self.host(name)) is not None]

    def _names(self, item: Json) -> Iterable[str]:
        match item:
            case dict():
                return _members(item, {**self.by_name, **self.guests.by_name})
            case str() if item in self.by_name:
                return (item,)
            case str() if item in self.groups:
                members = self.groups[item]
                if members is None:
                    raise Reported
                return members
            case str() if base_of(item) in self.resources:
                return self._guests(item)
            case str():
                known = (*self.by_name, *self.groups)
                mend = did_you_mean(item, known) or (
                    f"Declared: {listing(known)}." if known else "Declare it under hosts."
                )
                raise Mistake("AIVP0210", f"There is no host or group named {item}.", mend)
            case _:
                why = "host is a name, a list of names, or a selector such as {labels: {role: web}}."
                raise Mistake("AIVP0211", why)

    def _guests(self, item: str) -> Iterable[str]:
        known = self.guests.of(base_of(item))
        if known is None:
            why = f"{item} is a resource, and no host: nothing can be done within a {item.partition('.')[0]}."
            mend = "Name a host, a group, or a resource of a kind that is a host, such as a vm."
            raise Mistake("AIVP0211", why, mend)
        found = [name for name in known if stands_for(item, name)]
        if known and not found:
            raise Mistake("AIVP0210", f"There is no host {item}.", f"Declared: {listing(known)}.")
        return found

    def _only_one(self) -> Host:
        if len(self.by_name) == 1:
            return next(iter(self.by_name.values()))
        if not self.by_name:
            mend = "Declare one, such as hosts: {here: {transport: local}}."
            raise Mistake("AIVP0212", "No host is declared.", mend)
        why = f"host is missing, and there is more than one host: {listing(self.by_name)}."
        raise Mistake("AIVP0212", why, "Name the host, a list of them, or a group.")


def read_hosts(project: Project, scope: Scope, diagnostics: Diagnostics) -> Hosts:
    """Every declared host and group; mistakes go to `diagnostics`."""
    by_name: dict[str, Host] = {}
    unlabelled = False
    for name in sorted(project.hosts):
        reader = _HostReader(name, project.hosts[name], scope, diagnostics)
        by_name[name] = reader.read()
        unlabelled |= reader.is_unlabelled
    for name in _broken(project, "hosts"):
        by_name.setdefault(name, Host(name, "local"))  # so that resources on it are checked, too
        unlabelled = True
    groups = {name: _group(project, name, by_name, scope, diagnostics) for name in sorted(project.groups)}
    rollouts = [_rollout(project.groups[name], name, members, scope, diagnostics) for name, members in groups.items()]
    groups |= dict.fromkeys(_broken(project, "groups"))
    found = tuple(item for item in rollouts if item is not None)
    return Hosts(dict(sorted(by_name.items())), groups, frozenset(project.resources), unlabelled, found)


def _broken(project: Project, section: str) -> list[str]:
    return sorted(item.partition(".")[2] for item in project.flaws.broken if item.startswith(f"{section}."))


class _HostReader:
    """Reads one host; where a part of it has a mistake, the others still count, so that resources on it are checked."""

    def __init__(self, name: str, declared: Declared, scope: Scope, diagnostics: Diagnostics) -> None:
        self.name = name
        self.declared = declared
        self.scope = scope
        self.diagnostics = diagnostics
        self.is_unlabelled = False

    def read(self) -> Host:
        value = self._part((), lambda: mapping(self.declared.value, "a host"))
        if value is None:
            self.is_unlabelled = True
            return Host(self.name, "local")
        reached = self._part((), lambda: read_transport(self.name, value, self.scope))
        transport, connection = reached or ("local", {})
        marks = self._part(("labels",), lambda: labels(plain(value.get("labels", {}), self.scope)))
        self.is_unlabelled = marks is None
        variables = self._part(("vars",), lambda: mapping(value.get("vars"), "vars of a host")) or {}
        return Host(self.name, transport, connection, marks or {}, {key: self._variable(key) for key in variables})

    def _variable(self, key: str) -> Json:
        try:
            return plain(self.declared.value["vars"][key], self.scope)
        except Mistake as mistake:
            mistake.beneath("vars", key).report(self.diagnostics, self.declared)
            return Unknown()

    def _part(self, path: tuple[str, ...], read: Callable[[], Part]) -> Part | None:
        try:
            return read()
        except Mistake as mistake:
            mistake.beneath(*path).report(self.diagnostics, self.declared)
            return None


def _group(
    project: Project, name: str, hosts: Mapping[str, Host], scope: Scope, diagnostics: Diagnostics
) -> tuple[str, ...] | None:
    declared = project.groups[name]
    try:
        _refuse_host_name(name, project)
        value = {k: v for k, v in mapping(declared.value, "a group").items() if k not in MEMBERS}
        return _members(mapping(plain(value, scope), "a group"), hosts)
    except Mistake as mistake:
        mistake.report(diagnostics, declared)
        return None


def _rollout(
    declared: Declared, name: str, members: tuple[str, ...] | None, scope: Scope, diagnostics: Diagnostics
) -> Rollout | None:
    if type(declared.value) is not dict or declared.value.keys().isdisjoint(MEMBERS):
        return None
    try:
        given = [(key, (key, item)) for key, item in declared.value.items() if key in MEMBERS]
        value = dict(each(lambda item: (item[0], plain(item[1], scope)), given))
        return read_rollout(name, value, members or ())
    except Mistake as mistake:
        mistake.report(diagnostics, declared)
        return None


def _refuse_host_name(name: str, project: Project) -> None:
    if name in project.hosts or name == CONTROLLER:
        related = [Related(project.hosts[name].key_span(), f"the host {name}")] if name in project.hosts else []
        why = f"The group {name} has the name of a host; both share one namespace."
        raise Mistake("AIVP0211", why, "Give one of the two another name.", related=related)


def _members(value: Mapping[str, Any], hosts: Mapping[str, Host]) -> tuple[str, ...]:
    """The hosts that `hosts` lists and those that carry all of `labels`."""
    only(value, ("hosts", "labels"), "a group or selector")
    if not value:
        raise Mistake("AIVP0211", "A group or selector has hosts, labels or both.")
    named = texts(value["hosts"], "hosts of a group", "hosts") if "hosts" in value else []
    try:
        each(lambda name: _refuse_unknown(name, hosts), enumerate(named))
    except Mistake as mistake:
        raise mistake.beneath("hosts") from None
    found = set(named)
    if "labels" in value:
        wanted = labels(value["labels"], "labels")
        found |= {name for name, host in hosts.items() if wanted.items() <= host.labels.items()}
    return tuple(sorted(found))


def _refuse_unknown(name: str, hosts: Mapping[str, Host]) -> None:
    if name not in hosts:
        mend = did_you_mean(name, hosts) or f"Declared: {listing(hosts)}."
        raise Mistake("AIVP0210", f"There is no host named {name}.", mend)
