"""The channel of a guest: what its resource says leads to it, run on the host that it stands on.

That argv comes from a host, and goes back to that host alone: it becomes part of no other host's command.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from aivp_contract.manifest import Kind
from aivp_contract.values import Json

from aivp.diagnostics.diagnostic import refusal
from aivp.model.address import parse_address
from aivp.model.object import Object
from aivp.model.resource import GUEST, Host

MOST_PARTS = 64
MOST_TEXT = 4096


def read_channel(value: Json) -> Sequence[str]:
    """The argv that a provider gave; empty where there is none, or where it is no argv."""
    if type(value) is not list or not 0 < len(value) <= MOST_PARTS:
        return ()
    if any(type(part) is not str or len(part) > MOST_TEXT or "\0" in part for part in value):
        return ()
    return cast(Sequence[str], value)


def within(name: str, argv: Sequence[str], outer: Host) -> Host:
    """The guest `name`, reached by `argv` on `outer`."""
    return Host(name, GUEST, {"command": list(argv), "outer": {"name": outer.name, **outer.form()}})


def known(host: Host, hosts: Mapping[str, Host], objects: Iterable[Object], kinds: Mapping[str, Kind]) -> Host:
    """`host` with the way to it that state recorded; as it is where that is none, or it is no resource."""
    parsed = parse_address(host.name) if host.transport == GUEST else None
    if parsed is None or parsed.host is None or parsed.host not in hosts:
        return host
    channel = kinds[parsed.kind].channel if parsed.kind in kinds else None
    row = next((row for row in objects if row.address == host.name and not row.is_deposed), None)
    argv = read_channel(row.outputs.get(channel or "")) if row is not None else ()
    return within(host.name, argv, known(hosts[parsed.host], hosts, objects, kinds)) if argv else host


def outermost(host: Host) -> tuple[Host, list[str]]:
    """The host that a link goes to, and the argv there that leads to `host`. Raises Refused where nothing does yet."""
    argv: list[str] = []
    while host.transport == GUEST:
        if "command" not in host.connection:
            why = f"{host.name} is not there, or does not run: its resource does not say how it is reached."
            raise refusal("AIVP0601", why, "Apply what brings it first. `aivp plan` says what it looks like.")
        outer = host.connection["outer"]
        argv = [*host.connection["command"], *argv]
        host = Host(outer["name"], outer["transport"], outer["connection"])
    return host, argv
