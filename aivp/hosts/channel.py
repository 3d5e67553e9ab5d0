"""A host's declaration → the command whose stdin and stdout are a byte stream to that host's python3."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from aivp_contract.values import Json, Secret

from aivp.diagnostics.diagnostic import refusal
from aivp.hosts.guests import outermost
from aivp.hosts.ssh import login, ssh
from aivp.model.resource import GUEST, Host

Reveal = Callable[[Json], Json]

STUB = 'import os;exec(b"".join(iter(lambda:os.read(0,1)or os._exit(1),bytes(1))))'
"""What python3 is told in its argv: run the text that comes in, up to a NUL. No shell sees anything special in it."""

_LOCAL_ENVIRONMENT = ("HOME", "PATH", "AIVP_HOST_STATE")


@dataclass(frozen=True, slots=True)
class Channel:
    """How a host is reached. `shown`: the command as a person would type it; `becomes`: as whom we work there, if that
    is another than who logs in.

    password: the answer to what sudo asks by `prompt`, None where it must not ask; whoever has passed it says
    `hello`. is_far: bytes are dear on the way.
    """

    argv: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    shown: str
    becomes: str = ""
    prompt: str = ""
    hello: str = ""
    is_far: bool = False
    password: str | None = field(default=None, repr=False)


def channel(host: Host, withheld: AbstractSet[str], reveal: Reveal) -> Channel:
    """The channel that runs `STUB`. withheld: environment variables that it does not get. Raises Refused."""
    if host.transport == GUEST:
        outer, argv = outermost(host)
        hello = new_hello()
        stub = f'import os;os.write(1,b"{hello}");{STUB}' if _asks(outer) else STUB
        return command_channel(outer, [*argv, "python3", "-I", "-S", "-c", stub], withheld, reveal, argv, hello)
    # Interpreters are found by the account's own PATH; a local host gets the one that we run on.
    python = sys.executable if host.transport == "local" else "python3"
    hello = new_hello()
    stub = f'import os;os.write(1,b"{hello}");{STUB}' if _asks(host) else STUB
    return command_channel(host, [python, "-I", "-S", "-c", stub], withheld, reveal, [python], hello)


def command_channel(
    host: Host,
    command: Sequence[str],
    withheld: AbstractSet[str],
    reveal: Reveal,
    shown: Sequence[str] = (),
    hello: str = "",
) -> Channel:
    """The channel that runs `command` there, which says `hello` first where a password is given. Raises Refused."""
    become = host.connection.get("become")
    prompt = f"[aivp {secrets.token_hex(8)}] " if _asks(host) else ""
    raised = [] if become is None else _sudo(become, ["-S", "-p", prompt] if prompt else ["-n"])
    by_hand = [] if become is None else _sudo(become, [])
    return Channel(
        _argv(host, [*raised, *command]),
        _environment(host, withheld),
        f"`{_shorten(shlex.join(_argv(host, [*by_hand, *(shown or command)], is_shown=True)))}`",
        "" if become is None else str(become["user"]),
        prompt,
        hello,
        host.transport == "ssh",
        None if become is None or not _asks(host) else _password(become, reveal),
    )


def terminal_channel(host: Host, command: Sequence[str], withheld: AbstractSet[str], *, is_terminal: bool) -> Channel:
    """The channel that runs `command` there with our own streams, on a terminal of its own where ours is one: there
    sudo itself asks for a password. Raises Refused.
    """
    outer, way = outermost(host)
    become = outer.connection.get("become")
    raised = [] if become is None else _sudo(become, [] if is_terminal else ["-n"])
    argv = [*raised, *way, *command]
    return Channel(
        ssh(outer, argv, is_terminal=is_terminal) if outer.transport == "ssh" else _argv(outer, argv),
        {**_environment(outer, withheld), **_of_terminals()},
        f"`{_shorten(shlex.join(_argv(outer, argv, is_shown=True)))}`",
    )


def _of_terminals() -> dict[str, str]:
    return {name: os.environ[name] for name in ("TERM", "LANG", "LC_ALL") if name in os.environ}


def new_hello() -> str:
    """What nobody says by chance. Means nothing to a shell."""
    return f"aivp {secrets.token_hex(8)} "


def _asks(host: Host) -> bool:
    """True where sudo may ask for a password, since the declaration has one."""
    return "password" in host.connection.get("become", {})


def _argv(host: Host, command: Sequence[str], *, is_shown: bool = False) -> list[str]:
    match host.transport:
        case "local":
            return list(command)
        case "exec":
            return [*host.connection["command"], *command]
        case "ssh":
            return ["ssh", *login(host), shlex.join(command)] if is_shown else ssh(host, command)
        case other:
            raise refusal("AIVP0601", f"{host.name} is reached by {other}, which this version cannot do.")


def _sudo(become: Mapping[str, Json], asking: Sequence[str]) -> list[str]:
    return ["sudo", *asking, "-H", "-u", str(become["user"]), "--"]


def _password(become: Mapping[str, Json], reveal: Reveal) -> str:
    found = reveal(become["password"])
    if not isinstance(found, Secret) or found.value is None or "\n" in found.value:
        raise refusal("AIVP0619", "The password in become is no single line of text.")
    return found.value


def _environment(host: Host, withheld: AbstractSet[str]) -> dict[str, str]:
    """A local runner starts with next to nothing; a channel command is the user's own and gets the user's.

    Some channels, such as `nsenter`, hand it on to the runner and all that it starts: secrets stay here.
    """
    if host.transport == "local":
        return {name: os.environ[name] for name in _LOCAL_ENVIRONMENT if name in os.environ}
    return {name: value for name, value in os.environ.items() if name not in withheld}


def _shorten(text: str, most: int = 200) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."
