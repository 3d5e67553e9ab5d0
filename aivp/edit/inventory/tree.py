"""An Ansible inventory as it was read: hosts, groups, and who set which variable where; and what counts in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aivp.diagnostics import Refused
from aivp.diagnostics.diagnostic import refusal

MOST_HOSTS = 100_000
ALL = "all"
UNGROUPED = "ungrouped"


@dataclass(frozen=True, slots=True)
class Setting:
    """A variable's value (plain JSON, or Sealed inside), and `file:line` where it is set."""

    value: Any
    place: str


Settings = dict[str, Setting]


@dataclass
class Group:
    """hosts, children: in the order of the inventory. files: what group_vars sets, which goes over `settings`."""

    name: str
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    settings: Settings = field(default_factory=dict)
    files: Settings = field(default_factory=dict)


@dataclass
class Member:
    """A host: `settings` of the inventory itself, `files` of host_vars; `place` where it first stands."""

    place: str
    settings: Settings = field(default_factory=dict)
    files: Settings = field(default_factory=dict)


@dataclass
class Tree:
    """Growing while sources are read."""

    hosts: dict[str, Member] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=lambda: {name: Group(name) for name in (ALL, UNGROUPED)})

    def group(self, name: str) -> Group:
        """The group, made where it is new."""
        return self.groups.setdefault(name, Group(name))

    def add(self, group: str, host: str, place: str) -> Member:
        """Make a host a member of a group. Raises Refused beyond MOST_HOSTS."""
        self.group(group).hosts.setdefault(host)
        member = self.hosts.setdefault(host, Member(place))
        if len(self.hosts) > MOST_HOSTS:
            raise refusal("AIVP0231", f"The inventory has more than {MOST_HOSTS:,} hosts.")
        return member

    def members(self) -> dict[str, list[str]]:
        """Group → its hosts and those of its children, sorted; without `all` and `ungrouped`. Raises Refused."""
        found: dict[str, frozenset[str]] = {}
        for name in reversed(self._in_order()):
            group = self.groups[name]
            found[name] = frozenset(group.hosts).union(*(found[child] for child in group.children))
        return {name: sorted(found[name]) for name in sorted(found) if name not in (ALL, UNGROUPED)}

    def effective(self) -> dict[str, Settings]:
        """Host → the variables that count for it, by Ansible's precedence: `all`, then its groups from the outer to the
        inner ones, then its own; at each level files go over the inventory itself.
        """
        above = self._above()
        depth = self._depths()
        rank = {name: (depth[name], self._priority(name), name) for name in self.groups}
        inside: dict[str, set[str]] = {host: set() for host in self.hosts}
        for name, group in self.groups.items():
            for host in group.hosts:
                inside[host] |= {name, *above[name]}
        found: dict[str, Settings] = {}
        for host, member in self.hosts.items():
            order = sorted(inside[host] - {ALL}, key=rank.__getitem__)
            layers: list[Settings] = [self.groups[ALL].settings, self.groups[ALL].files]
            layers += [self.groups[name].settings for name in order]
            layers += [self.groups[name].files for name in order]
            layers += [member.settings, member.files]
            found[host] = {key: setting for layer in layers for key, setting in layer.items()}
        return found

    def _priority(self, name: str) -> int:
        setting = self.groups[name].settings.get("ansible_group_priority")
        try:
            return 1 if setting is None else int(setting.value)
        except (TypeError, ValueError):
            return 1

    def _parents(self) -> dict[str, set[str]]:
        parents: dict[str, set[str]] = {name: set() for name in self.groups}
        for name, group in self.groups.items():
            for child in group.children:
                parents[child].add(name)
        return parents

    def _in_order(self) -> list[str]:
        """Groups, parents first. Raises Refused for a circle."""
        waiting = self._parents()
        order: list[str] = []
        ready = sorted(name for name, above in waiting.items() if not above)
        while ready:
            name = ready.pop()
            order.append(name)
            for child in self.groups[name].children:
                waiting[child].discard(name)
                if not waiting[child]:
                    ready.append(child)
        if len(order) < len(self.groups):
            raise circle(sorted(set(self.groups) - set(order)))
        return order

    def _above(self) -> Mapping[str, set[str]]:
        parents = self._parents()
        found: dict[str, set[str]] = {}
        for name in self._in_order():
            found[name] = parents[name].union(*(found[parent] for parent in parents[name]))
        return found

    def _depths(self) -> Mapping[str, int]:
        """The longest way from `all`, beneath which everything stands."""
        parents = self._parents()
        found: dict[str, int] = {}
        for name in self._in_order():
            found[name] = 0 if name == ALL else 1 + max((found[parent] for parent in parents[name]), default=0)
        return found


def circle(names: Iterable[str]) -> Refused:
    """The diagnostic of groups that contain each other."""
    return refusal("AIVP0230", f"These groups contain each other: {', '.join(names)[:400]}.")
