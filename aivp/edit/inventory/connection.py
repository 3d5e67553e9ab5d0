"""Ansible's connection variables → transport and connection of a host; what has no counterpart is said, not guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aivp_contract.values import Json

from aivp.edit.inventory.tree import Setting

OURS = frozenset(
    "ansible_connection ansible_host ansible_ssh_host ansible_port ansible_ssh_port ansible_user ansible_ssh_user "
    "ansible_become ansible_become_method ansible_become_user ansible_ssh_private_key_file ansible_private_key_file "
    "ansible_ssh_common_args ansible_ssh_extra_args ansible_docker_user ansible_group_priority".split()
)
"""Variables that are read here."""

_SSH = frozenset({"ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "ansible.builtin.paramiko_ssh"})
_CONTAINERS = {
    "docker": ("docker", "exec", "-i"),
    "docker_api": ("docker", "exec", "-i"),
    "podman": ("podman", "exec", "-i"),
    "lxc": ("lxc-attach", "-n"),
    "lxd": ("lxc", "exec"),
    "incus": ("incus", "exec"),
    "kubectl": ("kubectl", "exec", "-i"),
}
_BEHIND = {"lxc": ("--",), "lxd": ("--",), "incus": ("--",), "kubectl": ("--",)}
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}")
_JUMPS = re.compile(r"-J\s*(\S+)|-o\s*ProxyJump=(\S+)")
_TRUE = frozenset({"true", "yes", "on", "1", "y", "t"})
_FALSE = frozenset({"false", "no", "off", "0", "n", "f", ""})


@dataclass
class Reached:
    """connection: members of our declaration; left: variable → why it is not in it. why: there is no such way here."""

    connection: dict[str, Json] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    why: str = ""


def reach(name: str, settings: Mapping[str, Setting]) -> Reached:
    """How the host `name`, as the inventory calls it, is reached."""
    found = Reached()
    value = {key: setting.value for key, setting in settings.items() if key in OURS}
    how = str(value.get("ansible_connection", "ssh"))
    address = str(value.get("ansible_host", value.get("ansible_ssh_host", name)))
    short = how.rpartition(".")[2]
    if how in _SSH:
        _ssh(found, value, address)
    elif short == "local":
        found.connection["transport"] = "local"
    elif short in _CONTAINERS:
        _container(found, value, short, address)
    else:
        found.why = f"ansible_connection {how[:60]} has no counterpart here"
        return found
    _become(found, value)
    return found


def _ssh(found: Reached, value: Mapping[str, Any], address: str) -> None:
    found.connection |= {"transport": "ssh", "address": address}
    if (user := value.get("ansible_user", value.get("ansible_ssh_user"))) is not None:
        found.connection["user"] = str(user)
    port = value.get("ansible_port", value.get("ansible_ssh_port"))
    if port is not None:
        text = str(port)
        found.connection["port"] = int(text) if text.isdigit() and len(text) < 6 else port
    for name in ("ansible_ssh_private_key_file", "ansible_private_key_file"):
        if name in value:
            path = str(value[name])
            if path.startswith(("/", "~/")):
                found.connection["identity_file"] = path
            else:
                found.left[name] = "it is no absolute path, nor one beneath ~/"
    for name in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
        if name in value:
            _arguments(found, name, str(value[name]))


def _arguments(found: Reached, name: str, text: str) -> None:
    """A jump host is all that is taken from arguments of ssh."""
    match = _JUMPS.search(text)
    if match is not None:
        hops = (match[1] or match[2]).strip("'\"").split(",")
        found.connection["jump"] = hops[0] if len(hops) == 1 else hops
    rest = _JUMPS.sub("", text).strip().strip("'\"").strip()
    if rest:
        found.left[name] = (
            "of the arguments of ssh only a jump host has a counterpart; write the others into ~/.ssh/config"
        )


def _container(found: Reached, value: Mapping[str, Any], how: str, address: str) -> None:
    if not _CONTAINER.fullmatch(address):
        found.why = f"{address[:60]!r} cannot be the name of a container"
        return
    user = value.get("ansible_docker_user", value.get("ansible_user")) if how.startswith(("docker", "podman")) else None
    as_user = ["-u", str(user)] if user is not None and _CONTAINER.fullmatch(str(user)) else []
    found.connection |= {
        "transport": "exec",
        "command": [*_CONTAINERS[how], *as_user, address, *_BEHIND.get(how, ())],
    }


def _become(found: Reached, value: Mapping[str, Any]) -> None:
    wanted = str(value.get("ansible_become", "")).lower()
    if wanted in _FALSE:
        return
    if wanted not in _TRUE:
        found.left["ansible_become"] = "it is neither true nor false"
        return
    method = str(value.get("ansible_become_method", "sudo")).rpartition(".")[2]
    if method != "sudo":
        found.left["ansible_become_method"] = f"{method[:40]} has no counterpart here; only sudo has"
        return
    user = str(value.get("ansible_become_user", "root"))
    found.connection["become"] = "sudo" if user == "root" else {"method": "sudo", "user": user}
