"""Ports that the driver forwards itself (`user` cards): what is there, what shall be → words for the monitor. Pure."""

from __future__ import annotations

from typing import Iterable, List, Tuple

from aivp_vm.drivers import qemu

from .spec import Forward


def changes(present: Iterable[Forward], wanted: Iterable[Forward]) -> Tuple[List[Forward], List[Forward]]:
    """Those to remove and those to add, removals first: a port may go from one to the other."""
    before, after = list(present), list(wanted)
    return [one for one in before if one not in after], [one for one in after if one not in before]


def addition(forward: Forward) -> str:
    """The monitor's words that open a port."""
    return f"hostfwd_add {qemu.netdev(forward.card)} {_host(forward)}-:{forward.port}"


def removal(forward: Forward) -> str:
    """The monitor's words that close it."""
    return f"hostfwd_remove {qemu.netdev(forward.card)} {_host(forward)}"


def _host(forward: Forward) -> str:
    return f"{forward.protocol}:{forward.address}:{forward.listen}"
