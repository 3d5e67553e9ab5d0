"""Structures → a tree: Ansible's YAML inventories, and what a dynamic inventory answers to --list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aivp.config.foreign import SEALED, Foreign
from aivp.diagnostics import Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.edit.inventory.patterns import BadPattern, expand
from aivp.edit.inventory.tree import ALL, Setting, Tree

META = "_meta"
_MEMBERS = ("hosts", "children", "vars")
_DEEPEST = 50


def read_yaml(found: Foreign, file: str, tree: Tree) -> None:
    """Add an Ansible YAML inventory: group → {hosts, children, vars}. Raises Refused."""
    if not isinstance(found.value, dict):
        raise refusal("AIVP0231", f"{file} is no inventory: it holds no groups.")
    reader = _Yaml(found, file, tree)
    for name, value in found.value.items():
        reader.group(name, value, (name,), 0)


class _Yaml:
    def __init__(self, found: Foreign, file: str, tree: Tree) -> None:
        self.found = found
        self.file = file
        self.tree = tree

    def group(self, name: str, value: Any, path: tuple[str, ...], depth: int) -> None:
        if depth > _DEEPEST:
            raise self._bad(path, "groups are nested too deep")
        group = self.tree.group(name)
        for member, inner in self._mapping(value, path).items():
            if member not in _MEMBERS:
                raise self._bad((*path, member), f"a group has hosts, children and vars, not {member[:80]}")
            step = (*path, member)
            if member == "children":
                for child, content in self._mapping(inner, step).items():
                    group.children.setdefault(child)
                    self.group(child, content, (*step, child), depth + 1)
            elif member == "vars":
                group.settings.update(self._settings(inner, step))
            else:
                self._hosts(name, {inner: None} if isinstance(inner, str) else self._mapping(inner, step), step)

    def _hosts(self, group: str, hosts: Mapping[str, Any], path: tuple[str, ...]) -> None:
        for pattern, content in hosts.items():
            try:
                names, port = expand(pattern)
            except BadPattern as error:
                raise self._bad((*path, pattern), f"{pattern[:80]}: {error}") from None
            settings = self._settings(content, (*path, pattern))
            place = self._place((*path, pattern))
            for name in names:
                member = self.tree.add(group, name, place)
                if port is not None:
                    member.settings["ansible_port"] = Setting(port, place)
                member.settings.update(settings)

    def _settings(self, value: Any, path: tuple[str, ...]) -> dict[str, Setting]:
        found = self._mapping(value, path)
        return {name: Setting(item, self._place((*path, name))) for name, item in found.items()}

    def _mapping(self, value: Any, path: tuple[str, ...]) -> Mapping[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._bad(path, f"{path[-1][:80]} is a mapping")
        return value

    def _place(self, path: tuple[str, ...]) -> str:
        return f"{self.file}:{self.found.line(*path)}"

    def _bad(self, path: tuple[str, ...], why: str) -> Refused:
        return refusal("AIVP0230", f"{self._place(path)}: {why}.")


def read_listing(value: Mapping[str, Any], source: str, tree: Tree) -> bool:
    """Add what a dynamic inventory answers to --list. False where it has no `_meta`, so that hosts' own variables are
    not in it. Raises Refused.
    """
    for name, given in value.items():
        if name == META:
            continue
        group = tree.group(name)
        content = {"hosts": given} if isinstance(given, list) else given
        if not isinstance(content, dict):
            raise refusal("AIVP0231", f"{source}: the group {name[:80]} is neither a list of hosts nor a mapping.")
        for host in _texts(content.get("hosts"), source, name, "hosts"):
            tree.add(name, host, f"{source}, {host[:80]}")
        for child in _texts(content.get("children"), source, name, "children"):
            group.children.setdefault(child)
            tree.group(child)
        group.settings.update(_settings(content.get("vars"), source, f"vars of {name}"))
    meta = value.get(META)
    if not isinstance(meta, dict):
        return META in value
    for host, content in _object(meta.get("hostvars"), source, "hostvars").items():
        settings = _settings(content, source, f"hostvars of {host}")
        member = tree.hosts.get(host) or tree.add(ALL, host, f"{source}, {host[:80]}")
        member.settings.update(settings)
    return "hostvars" in meta


def _settings(value: Any, source: str, what: str) -> dict[str, Setting]:
    return {name: Setting(_opened(item), f"{source}, {what}") for name, item in _object(value, source, what).items()}


def _opened(value: Any) -> Any:
    """What ansible-inventory marks: vaults stay sealed, unsafe texts are texts."""
    if isinstance(value, dict):
        if "__ansible_vault" in value:
            return SEALED
        if value.keys() == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        return {key: _opened(item) for key, item in value.items()}
    return [_opened(item) for item in value] if isinstance(value, list) else value


def _object(value: Any, source: str, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise refusal("AIVP0231", f"{source}: {what[:120]} is no mapping.")
    return value


def _texts(value: Any, source: str, group: str, member: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(type(item) is str for item in value):
        raise refusal("AIVP0231", f"{source}: {member} of {group[:80]} is no list of texts.")
    return value
