"""What the host says of its network cards → the kernel, now, and systemd-networkd's files, for the next boot."""

from __future__ import annotations

import contextlib
import glob
import os
import socket
import subprocess
from typing import Any, Dict, List, Optional, Tuple

from aivp_guest.inside.facts import cards, text
from aivp_guest.inside.netlink import Netlink
from aivp_guest.inside.write import write

_FOLDER = "/etc/systemd/network"
_LOCAL = 253
_NAME = "05-aivp-{}.network"

Link = Dict[str, Any]


def configure(wanted: List[Link]) -> List[str]:
    """Make each link so; what could not be done, in sentences.

    Of a link: `mac` (found by it), or `index` (its place among the cards) with `mac` as the one that it gets;
    `addresses` with prefixes; `gateway` and `gateway6`; `dns`; `dhcp`, left to systemd-networkd. A link that is not
    named is left alone.
    """
    problems: List[str] = []
    files: Dict[str, str] = {}
    with Netlink() as kernel:
        for link in wanted:
            name = _found(link)
            if name is None:
                problems.append("links: there is no card {}".format(link.get("index", link.get("mac"))))
                continue
            try:
                _set(kernel, name, link)
            except (OSError, ValueError) as error:
                problems.append(f"links: {name}: {error}")
            files[os.path.join(_FOLDER, _NAME.format(name))] = _file(name, link)
    servers = [server for link in wanted for server in link.get("dns") or []]
    if servers and not os.path.islink("/etc/resolv.conf"):
        write("/etc/resolv.conf", "".join(f"nameserver {server}\n" for server in dict.fromkeys(servers)))
    if os.path.isdir(_FOLDER):
        _keep(files)
    return problems


def _found(link: Link) -> Optional[str]:
    names = cards()
    for name in names:
        if link.get("mac") and text(f"/sys/class/net/{name}/address") == link["mac"].lower():
            return name
    index = link.get("index")
    return names[index] if isinstance(index, int) and 0 <= index < len(names) else None


def _set(kernel: Netlink, name: str, link: Link) -> None:
    folder = "/sys/class/net/" + name
    index = int(text(folder + "/ifindex"))
    mac = (link.get("mac") or "").lower()
    is_other = mac not in ("", text(folder + "/address"))
    kernel.set_link(index, mac if is_other else "")
    if is_other:
        _keep_local(kernel, index, mac)
    addresses = [_parted(each) for each in link.get("addresses") or []]
    has = [each for each in kernel.addresses() if each.link == index and each.scope == 0]
    for found in has:
        # First these, since others of their network go with them.
        if (found.address, found.prefix) not in addresses and (addresses or link.get("dhcp") is False):
            with contextlib.suppress(OSError):
                kernel.remove(found)
    for address, prefix in addresses:
        kernel.add(index, address, prefix)
    for gateway in (link.get("gateway"), link.get("gateway6")):
        if gateway:
            kernel.route(index, gateway)


def _keep_local(kernel: Netlink, index: int, mac: str) -> None:
    """The address that only its own link knows is made of the MAC, but the kernel leaves it as it was."""
    for found in kernel.addresses():
        if found.link == index and found.family == socket.AF_INET6:  # and what was learnt with the other MAC
            kernel.remove(found)
            if found.scope == _LOCAL:
                first, *rest = bytes.fromhex(mac.replace(":", ""))
                raw = bytes([0xFE, 0x80, *bytes(6), first ^ 2, *rest[:2], 0xFF, 0xFE, *rest[2:]])
                kernel.add(index, socket.inet_ntop(socket.AF_INET6, raw), found.prefix)


def _parted(text: str) -> Tuple[str, int]:
    """Address, as the kernel writes it, and prefix."""
    address, _, prefix = text.partition("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_ntop(family, socket.inet_pton(family, address)), int(prefix)


def _file(name: str, link: Link) -> str:
    lines = ["# Written by aivp's guest helper.", "[Match]"]
    lines.append("MACAddress=" + link["mac"] if link.get("mac") else "Name=" + name)
    lines.append("[Network]")
    lines.append("DHCP=" + ("yes" if link.get("dhcp") else "no"))
    lines.extend(f"Address={each}" for each in link.get("addresses") or [])
    lines.extend(f"Gateway={link[key]}" for key in ("gateway", "gateway6") if link.get(key))
    lines.extend(f"DNS={each}" for each in link.get("dns") or [])
    return "\n".join(lines) + "\n"


def _keep(files: Dict[str, str]) -> None:
    """Let networkd find these and none of an earlier machine; it takes them up when it likes."""
    is_changed = False
    for path in glob.glob(os.path.join(_FOLDER, _NAME.format("*"))):
        if path not in files:
            os.unlink(path)
            is_changed = True
    for path, content in files.items():
        if text(path) != content.strip():
            write(path, content)
            is_changed = True
    if is_changed and os.path.exists("/run/systemd/netif/state"):
        # Not waited for: the kernel has it all already. The shell ends at once, so that init reaps what it leaves.
        argv = ["sh", "-c", "networkctl reload >/dev/null 2>&1 &"]
        subprocess.run(argv, stdin=subprocess.DEVNULL, start_new_session=True, check=False, timeout=10)
