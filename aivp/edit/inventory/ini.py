"""Ansible's INI inventories → a tree: sections of hosts, `:children` and `:vars`."""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from typing import Any

from aivp.config.foreign import plain_value
from aivp.diagnostics import Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.edit.inventory.patterns import BadPattern, expand
from aivp.edit.inventory.tree import UNGROUPED, Setting, Tree

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:\#.*)?")
_KINDS = ("hosts", "children", "vars")
_COMMENTS = ("#", ";")
_LONGEST = 64 * 1024
_DEEPEST = 40


def read_ini(text: str, file: str, tree: Tree) -> None:
    """Add what `text` says to `tree`. Raises Refused."""
    group, kind = UNGROUPED, "hosts"
    declared = {*tree.groups}
    named: dict[str, int] = {}
    """Groups that are named and must be declared somewhere → the first line."""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith(_COMMENTS):
            continue
        if len(line) > _LONGEST:
            raise _bad(file, number, "the line is too long")
        if section := _SECTION.fullmatch(line):
            group, kind = section[1], section[2] or "hosts"
            if kind not in _KINDS:
                raise _bad(file, number, f"a section is [GROUP], [GROUP:children] or [GROUP:vars], not :{kind[:40]}")
            if kind == "vars":
                named.setdefault(group, number)
            else:
                declared.add(tree.group(group).name)
        elif line[0] == "[" and line[-1] == "]" and len(line.split()) > 1:
            raise _bad(file, number, "a section's name has no blanks")
        elif kind == "hosts":
            _read_hosts(line, group, f"{file}:{number}", file, number, tree)
        elif kind == "vars":
            name, is_setting, value = line.partition("=")
            if not is_setting:
                raise _bad(file, number, "beneath [GROUP:vars] stands NAME=VALUE")
            tree.group(group).settings[name.strip()] = Setting(literal(value.strip()), f"{file}:{number}")
        else:
            child = line.split("#")[0].strip()
            named.setdefault(child, number)
            tree.group(group).children.setdefault(child)
    for name, number in named.items():
        if name not in declared:
            raise _bad(file, number, f"the group {name[:80]} is declared nowhere")


def _read_hosts(line: str, group: str, place: str, file: str, number: int, tree: Tree) -> None:
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise _bad(file, number, str(error).lower()) from None
    settings: dict[str, Any] = {}
    for word in words[1:]:
        name, is_setting, value = word.partition("=")
        if not is_setting:
            raise _bad(file, number, "behind a host stands NAME=VALUE")
        settings[name] = literal(value)
    try:
        names, port = expand(words[0])
    except BadPattern as error:
        raise _bad(file, number, f"{words[0][:80]}: {error}") from None
    for host in names:
        member = tree.add(group, host, place)
        if port is not None:
            member.settings["ansible_port"] = Setting(port, place)
        member.settings.update({name: Setting(value, place) for name, value in settings.items()})


def literal(text: str) -> Any:
    """A value as Ansible takes it: a Python literal where it is one, else the text."""
    if len(text) > _LONGEST or text.count("[") + text.count("{") + text.count("(") > _DEEPEST:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    return _json(value, text)


def _json(value: Any, text: str) -> Any:
    if isinstance(value, (list, tuple)):
        return [_json(item, str(item)) for item in value]
    if isinstance(value, dict):
        return {str(key): _json(item, str(item)) for key, item in value.items()}
    return plain_value(value, text)


def _bad(file: str, line: int, why: str) -> Refused:
    return refusal(
        "AIVP0230", f"{file}:{line}: {why}.", "See that Ansible itself reads it: ansible-inventory --list -i FILE"
    )
