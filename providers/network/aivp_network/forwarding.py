"""Whether the host forwards packets: switched on for networks of mode nat, and as it was once the last one is off.

The kernel's switch changes settings of every interface; all that it changes is written down before, and put back.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from .segment import netlink, nft
from .segment.folder import read, write
from .segment.problem import Refused

_ROOT = Path("/proc/sys/net")
_SWITCH = {4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding"}
_CHANGED = {
    4: ("ipv4/conf/*/forwarding", "ipv4/conf/all/accept_redirects"),
    6: ("ipv6/conf/*/forwarding",),
}
_ADVERTISED = 9


def hold(place: Path, name: str, families: Sequence[int], tables: Sequence[str]) -> None:
    """Forward for one network; `tables`: ours. Call it under the place's lock. Raises Refused."""
    memory = _memory(place)
    for family in (4, 6):
        holders = memory["holders"].setdefault(str(family), [])
        if family not in families:
            if name in holders:
                _let_go(place, memory, name, family, tables)
            continue
        if name not in holders:
            holders.append(name)
            holders.sort()
        if _value(_SWITCH[family]) != "1":
            _refuse_lost_routes(family)
            memory["before"][str(family)] = _settings(family)
            memory["nat"][str(family)] = _foreign_nat(tables, family)
            write(_path(place), memory)
            _set(_SWITCH[family], "1")
        write(_path(place), memory)


def release(place: Path, name: str, tables: Sequence[str]) -> Optional[str]:
    """Forward no more for one network; what is left on, for people. `tables`: ours. Call it under the place's lock."""
    memory, left = _memory(place), None
    for family in (4, 6):
        left = _let_go(place, memory, name, family, tables) or left
    if not any(memory["holders"].values()):
        with contextlib.suppress(FileNotFoundError):
            _path(place).unlink()
    return left


def is_on(families: Sequence[int]) -> bool:
    """True where the host forwards what a network needs."""
    return all(_value(_SWITCH[family]) == "1" for family in families)


def _let_go(place: Path, memory: Dict[str, Any], name: str, family: int, tables: Sequence[str]) -> Optional[str]:
    holders: List[str] = memory["holders"].get(str(family), [])
    if name in holders:
        holders.remove(name)
    before = memory["before"].get(str(family))
    if holders or before is None:
        write(_path(place), memory)
        return None
    others = sorted(set(_foreign_nat(tables, family)) - set(memory["nat"].get(str(family), [])))
    if others:
        del memory["before"][str(family)]
        write(_path(place), memory)
        return f"forwarding of IPv{family} stays on: {', '.join(others)} came meanwhile and may need it"
    if _value(_SWITCH[family]) == "1" and before.get(_SWITCH[family]) != "1":
        _set(_SWITCH[family], before[_SWITCH[family]])
        for path, value in before.items():
            if _value(path) not in (None, value):
                _set(path, value)
    del memory["before"][str(family)]
    write(_path(place), memory)
    return None


def _memory(place: Path) -> Dict[str, Any]:
    """What was before; nothing of it holds after a reboot, or in another network namespace."""
    now = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    now += f"/{os.stat('/proc/self/ns/net').st_ino}"
    found = read(_path(place))
    if found is not None and found["boot"] == now:
        memory: Dict[str, Any] = found
        return memory
    return {"version": 1, "boot": now, "holders": {}, "before": {}, "nat": {}}


def _settings(family: int) -> Dict[str, str]:
    paths = [_SWITCH[family]]
    for pattern in _CHANGED[family]:
        paths += sorted(str(path.relative_to(_ROOT)) for path in _ROOT.glob(pattern))
    return {path: value for path in paths for value in [_value(path)] if value is not None}


def _refuse_lost_routes(family: int) -> None:
    """A host that forwards IPv6 hears no router any more, and loses the way that it learnt from one."""
    if family == 4:
        return
    names = {link.index: link.name for link in netlink.links().values()}
    for route in netlink.routes():
        name = names.get(route.link or 0)
        if route.protocol == _ADVERTISED and name and _value(f"ipv6/conf/{name}/accept_ra") == "1":
            raise Refused(
                f"the host would lose its IPv6 route over {name}: it comes from a router's advertisements, which a host"
                " that forwards does not hear",
                path="/cidr6",
                mend=f"Set net.ipv6.conf.{name}.accept_ra = 2 on the host, or leave `cidr6` out.",
            )


def _foreign_nat(tables: Sequence[str], family: int) -> List[str]:
    """Tables of others that translate addresses of a family, and so live on forwarding."""
    families = ("inet", "ip" if family == 4 else "ip6")
    found = set()
    for item in nft.all_listed():
        rule = item.get("rule")
        if rule is None or rule["table"] in tables or rule["family"] not in families:
            continue
        if any("masquerade" in part or "snat" in part for part in rule["expr"] if isinstance(part, dict)) or _is_xt(
            rule
        ):
            found.add(f"table {rule['family']} {rule['table']}")
    return sorted(found)


def _is_xt(rule: Dict[str, Any]) -> bool:
    return any(
        isinstance(part, dict) and isinstance(part.get("xt"), dict) and part["xt"].get("name") in ("MASQUERADE", "SNAT")
        for part in rule["expr"]
    )


def _path(place: Path) -> Path:
    return place / ".forwarding.json"


def _value(path: str) -> Optional[str]:
    try:
        return (_ROOT / path).read_text(encoding="ascii").strip()
    except OSError:
        return None


def _set(path: str, value: str) -> None:
    try:
        (_ROOT / path).write_text(value, encoding="ascii")
    except FileNotFoundError:
        raise Refused(f"this host cannot do it: net.{path.replace('/', '.')} is missing") from None
    except OSError as error:
        raise Refused(
            f"net.{path.replace('/', '.')} cannot be set: {error.strerror}",
            mend="Let aivp become root on the host, or use mode: user.",
        ) from None
