"""What a guest says of itself → values of a known shape. A guest is nobody whom its host trusts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple

_MOST = 256
_ID = re.compile(r"[0-9a-f-]{0,64}")
_KEY = re.compile(r"[a-z0-9@.-]{1,64} [A-Za-z0-9+/]{1,4096}={0,2}")
_TEXT = re.compile(r"[\x20-\x7e]{0,256}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_ADDRESS = re.compile(r"[0-9a-f:.]{1,45}/[0-9]{1,3}")


class BadReady(ValueError):
    """A guest's word is not of the protocol; the text says which."""


@dataclass(frozen=True)
class Link:
    """A network card of the guest, with its global addresses and their prefixes."""

    name: str
    mac: str
    addresses: Tuple[str, ...]


@dataclass(frozen=True)
class Ready:
    """What a guest is. `problems`: what of the last personalisation could not be done; `clock`: seconds since 1970."""

    boot_id: str
    machine_id: str
    hostname: str
    kernel: str
    python: str
    init: str
    clock: float
    uptime: float
    ssh_host_keys: Tuple[str, ...]
    links: Tuple[Link, ...]
    problems: Tuple[str, ...]

    def message(self) -> Dict[str, Any]:
        """The same as the guest said it."""
        links = [{"name": link.name, "mac": link.mac, "addresses": list(link.addresses)} for link in self.links]
        texts = {"ssh_host_keys": list(self.ssh_host_keys), "problems": list(self.problems)}
        return {**self.__dict__, **texts, "links": links}


def read_ready(message: Mapping[str, Any]) -> Ready:
    """Raises BadReady."""
    return Ready(
        boot_id=_like(_ID, message.get("boot_id")),
        machine_id=_like(_ID, message.get("machine_id")),
        hostname=_like(_TEXT, message.get("hostname")),
        kernel=_like(_TEXT, message.get("kernel")),
        python=_like(_TEXT, message.get("python")),
        init=_like(_TEXT, message.get("init")),
        clock=_number(message.get("clock")),
        uptime=_number(message.get("uptime")),
        ssh_host_keys=tuple(_like(_KEY, key) for key in _list(message.get("ssh_host_keys"))),
        links=tuple(_link(link) for link in _list(message.get("links"))),
        problems=tuple(_shown(problem) for problem in _list(message.get("problems", []))),
    )


def _link(value: Any) -> Link:
    if not isinstance(value, dict):
        raise BadReady("a link is no object")
    addresses = tuple(_like(_ADDRESS, address) for address in _list(value.get("addresses")))
    return Link(_like(_TEXT, value.get("name")), _like(_MAC, value.get("mac")), addresses)


def _list(value: Any) -> List[Any]:
    if not isinstance(value, list) or len(value) > _MOST:
        raise BadReady("a list is none, or too long")
    return value


def _like(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadReady(f"{str(value)[:80]!a} is not like {pattern.pattern}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e12:
        raise BadReady(f"{str(value)[:80]!a} is no time")
    return float(value)


def _shown(value: Any) -> str:
    return "".join(each if each.isprintable() else "?" for each in str(value)[:500])
