"""Declared hosts and groups → hosts, and `host:` of a resource → the hosts that it names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aivp_contract.values import Json

from aivp.compile.mistake import Mistake
from aivp.compile.scope import Scope
from aivp.compile.shape import labels, mapping, only, texts
from aivp.compile.text import plain
from aivp.config.project import Declared, Project
from aivp.diagnostics import Diagnostics, Related
from aivp.model.address import CONTROLLER
from aivp.model.resource import Host
from aivp.plugins.suggestion import did_you_mean, listing

LATER_TRANSPORTS = {"ssh": "SSH hosts", "guest": "VMs", "pull": "pull mode"}
_MEMBERS = {"local": (), "exec": ("command",)}
_LATER_MEMBERS = frozenset({"address", "become", "port", "user", "identity_file", "jump"})


@dataclass(frozen=True)
class Hosts:
    """All hosts and groups of a project; both, and resources that are hosts, share one namespace."""

    by_name: Mapping[str, Host]
    groups: Mapping[str, tuple[str, ...]]
    resources: frozenset[str]
    """`kind.name` of every declared resource."""

    def select(self, wanted: Json) -> list[Host]:
        """The hosts that `host:` names (None: left out), sorted and once each. Raises Mistake."""
        if wanted is None:
            return [self._only_one()]
        names = {name for item in (wanted if type(wanted) is list else [wanted]) for name in self._names(item)}
        return [self.by_name[name] for name in sorted(names)]

    def _names(self, item: Json) -> Iterable[str]:
        match item:
            case dict():
                return _members(item, self.by_name)
            case str() if item in self.by_name:
                return (item,)
            case str() if item in self.groups:
                return self.groups[item]
            case str() if ".".join(item.split("@")[0].split("[")[0].split(".")[:2]) in self.resources:
                raise Mistake(
                    "AIVP0213", f"{item} is a resource; resources as hosts come with VMs and are refused until then."
                )
            case str():
                known = (*self.by_name, *self.groups)
                mend = did_you_mean(item, known) or (
                    f"Declared: {listing(known)}." if known else "Declare it under hosts."
                )
                raise Mistake("AIVP0210", f"There is no host or group named {item}.", mend)
            case _:
                why = "host is a name, a list of names, or a selector such as {labels: {role: web}}."
                raise Mistake("AIVP0211", why)

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
    for name in sorted(project.hosts):
        try:
            by_name[name] = _host(name, project.hosts[name], scope)
        except Mistake as mistake:
            mistake.report(diagnostics, project.hosts[name].span(*mistake.path))
            by_name[name] = Host(name, "local")  # so that resources on it are checked, too
    groups = {name: _group(project, name, by_name, scope, diagnostics) for name in sorted(project.groups)}
    return Hosts(by_name, groups, frozenset(project.resources))


def _host(name: str, declared: Declared, scope: Scope) -> Host:
    value = mapping(plain(declared.value, scope), "a host")
    if name == CONTROLLER:
        raise Mistake("AIVP0211", f"{CONTROLLER} is where aivp itself runs; no host can have that name.")
    transport = value.get("transport")
    if transport in LATER_TRANSPORTS:
        why = f"transport {transport} comes with {LATER_TRANSPORTS[transport]} and is refused until then."
        raise Mistake("AIVP0213", why, "Use local or exec.", "transport")
    if transport not in _MEMBERS:
        mend = did_you_mean(str(transport), _MEMBERS) if transport else ""
        raise Mistake("AIVP0211", "transport of a host is local or exec.", mend, "transport")
    for later in sorted(_LATER_MEMBERS & value.keys()):
        raise Mistake("AIVP0213", f"{later} of a host comes with SSH hosts and is refused until then.", "", later)
    only(value, ("transport", "labels", "vars", *_MEMBERS[transport]), "a host")
    connection = {}
    if transport == "exec":
        connection["command"] = texts(value.get("command"), "command of an exec host", "command", least=1)
    variables = mapping(value.get("vars", {}), "vars of a host", "vars")
    return Host(name, transport, connection, labels(value.get("labels", {}), "labels"), variables)


def _group(
    project: Project, name: str, hosts: Mapping[str, Host], scope: Scope, diagnostics: Diagnostics
) -> tuple[str, ...]:
    declared = project.groups[name]
    try:
        _refuse_host_name(name, hosts)
        value = mapping(plain(declared.value, scope), "a group")
        return _members({key: item for key, item in value.items() if not _is_later(key)}, hosts)
    except Mistake as mistake:
        related = [Related(project.hosts[name].key_span(), f"the host {name}")] if name in project.hosts else []
        mistake.report(diagnostics, declared.span(*mistake.path), related=related)
        return ()


def _refuse_host_name(name: str, hosts: Mapping[str, Host]) -> None:
    if name in hosts or name == CONTROLLER:
        raise Mistake("AIVP0211", f"The group {name} has the name of a host; both share one namespace.")


def _is_later(member: str) -> bool:
    if member == "serial":
        raise Mistake("AIVP0213", "serial of a group comes with rollouts and is refused until then.", "", member)
    return False


def _members(value: Mapping[str, Any], hosts: Mapping[str, Host]) -> tuple[str, ...]:
    """The hosts that `hosts` lists and those that carry all of `labels`."""
    only(value, ("hosts", "labels"), "a group or selector")
    if not value:
        raise Mistake("AIVP0211", "A group or selector has hosts, labels or both.")
    named = texts(value["hosts"], "hosts of a group", "hosts") if "hosts" in value else []
    for name in named:
        if name not in hosts:
            raise Mistake("AIVP0210", f"There is no host named {name}.", did_you_mean(name, hosts), "hosts")
    found = set(named)
    if "labels" in value:
        wanted = labels(value["labels"], "labels")
        found |= {name for name, host in hosts.items() if wanted.items() <= host.labels.items()}
    return tuple(sorted(found))
