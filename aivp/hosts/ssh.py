"""A host's declaration → the argv of the system's `ssh`, which knows the user's configuration, agent and known hosts.

OpenSSH and not a library: one connection costs it a quarter of the CPU, and it reads all of `~/.ssh/config` (ADR 0017).
The sole place that knows its options. `AIVP_SSH` names another command, with options of its own.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence

from aivp.diagnostics.diagnostic import refusal
from aivp.model.resource import Host

CONNECT_SECONDS = 20

_OPTIONS = {
    "BatchMode": "yes",  # nobody is there to be asked: an agent has the key, and known_hosts the host
    "ConnectTimeout": str(CONNECT_SECONDS),
    "ServerAliveInterval": "5",  # a link that was cut is known to be gone after some 20 s
    "ServerAliveCountMax": "4",
    "RequestTTY": "no",
    "RemoteCommand": "none",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "ClearAllForwardings": "yes",
}

_QUERY_SECONDS = 10


def ssh(host: Host, command: Sequence[str], *, is_terminal: bool = False) -> list[str]:
    """The argv that runs `command` there. The account's shell sees words in single quotes only.

    is_terminal: on a terminal of its own there; who sits at ours can also be asked.
    """
    way = ["-tt", *_flags(host)[1:]] if is_terminal else _flags(host)
    if is_terminal:
        way = [{"RequestTTY=no": "RequestTTY=force", "BatchMode=yes": "BatchMode=no"}.get(word, word) for word in way]
    return [*_program(), *way, "--", str(host.connection["address"]), f"exec {shlex.join(command)}"]


def login_by(relay: Sequence[str], known_hosts: str, alias: str, words: Sequence[str]) -> list[str]:
    """The argv with which a person logs in by the command `relay`, to whoever has a key in the file `known_hosts`.

    words: options of ssh's own, the address, and what is to run there.
    """
    options = {
        "ProxyCommand": shlex.join(relay).replace("%", "%%"),
        "HostKeyAlias": alias,
        "UserKnownHostsFile": known_hosts,
        "GlobalKnownHostsFile": os.devnull,
        "StrictHostKeyChecking": "yes",
        "CheckHostIP": "no",
        "UpdateHostKeys": "no",
    }
    return [*_program(), *(word for name, value in options.items() for word in ("-o", f"{name}={value}")), *words]


def login(host: Host) -> list[str]:
    """The words behind `ssh` with which a person logs in there."""
    options = {"user": "-l", "port": "-p", "identity_file": "-i", "jump": "-J"}
    connection = host.connection
    given = [word for name, option in options.items() if name in connection for word in (option, str(connection[name]))]
    return [*given, str(connection["address"])]


def known_as(host: Host) -> tuple[list[str], str]:
    """The files where the host's key is looked for, and the name under which; by the user's whole configuration."""
    address = str(host.connection["address"])
    try:
        argv = [*_program(), *_flags(host), "-G", "--", address]
        said = subprocess.run(argv, capture_output=True, text=True, timeout=_QUERY_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        said = ""
    found = dict(line.partition(" ")[::2] for line in said.splitlines())
    name = found.get("hostkeyalias") or found.get("hostname", address)
    port = found.get("port", "22")
    files = found.get("userknownhostsfile", "~/.ssh/known_hosts").split()
    present = [file for file in files if os.path.exists(os.path.expanduser(file))]
    return present or files[:1], name if port == "22" or "hostkeyalias" in found else f"[{name}]:{port}"


def _program() -> list[str]:
    try:
        return shlex.split(os.environ.get("AIVP_SSH", "")) or ["ssh"]
    except ValueError as error:
        raise refusal("AIVP0601", f"AIVP_SSH is no command: {error}.", "Quote it as a shell wants it.") from None


def _flags(host: Host) -> list[str]:
    chosen = {"IdentitiesOnly": "yes"} if "identity_file" in host.connection else {}
    options = [word for name, value in {**_OPTIONS, **chosen}.items() for word in ("-o", f"{name}={value}")]
    return ["-T", *options, *login(host)[:-1]]
