"""A network is brought up, taken down or removed: its record first, then links, rules and switches.

In an order that can be begun again at any point. Called under the place's lock.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional

from . import bridge, forwarding, shipping
from .segment import hub, netlink, nft, rules, taps, wires
from .segment.folder import Folder, write
from .segment.leases import Lease, Leases, read_leases, write_leases
from .segment.problem import Refused
from .segment.spec import Spec, read_spec

Say = Callable[[str], None]


def raise_network(folder: Folder, spec: Spec, declared: Mapping[str, Any], say: Say) -> None:
    """Bring a network about as declared, from whatever there is of it. Raises Refused."""
    _require_root(spec)
    folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    shipping.ship(folder.path)
    before = folder.read_record()
    form = _form(spec, declared, is_active=True)
    write(folder.record, form)
    leases = _swept(folder, spec)
    if spec.has_bridge:
        form["rules"] = _raise_bridge(folder, spec, leases, say)
    else:
        assert spec.wires is not None
        wires.prepare(Path(spec.wires), folder.path)
        if leases:
            wires.start_hub(Path(spec.wires), folder.path / "port.py")
    if before is not None:
        _remove_former(read_spec(before["spec"]), spec, folder)
    write(folder.record, {**form, "is_whole": True})


def lower_network(folder: Folder, spec: Spec, declared: Mapping[str, Any], say: Say) -> None:
    """Take away all but record and leases. Raises Refused where guests are plugged in."""
    folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    shipping.ship(folder.path)
    before = folder.read_record()
    former = spec if before is None else read_spec(before["spec"])
    refuse_in_use(folder, former, is_forever=False)
    form = _form(spec, declared, is_active=False)
    write(folder.record, form)
    _take_away(folder, former, say)
    write(folder.record, {**form, "is_whole": True})


def remove_network(folder: Folder, say: Say) -> None:
    """Leave nothing of a network. Raises Refused where guests are plugged in, or come again."""
    form = folder.read_record()
    if form is not None:
        spec = read_spec(form["spec"])
        refuse_in_use(folder, spec, is_forever=True)
        _take_away(folder, spec, say)
    if folder.path.is_dir():
        folder.record.unlink(missing_ok=True)  # what is left has no meaning without it
        shutil.rmtree(folder.path)


def is_up(folder: Folder, spec: Spec, form: Mapping[str, Any]) -> bool:
    """True where all that belongs to an active network is there, and as it was made."""
    if not form["is_whole"] or not form["is_active"]:
        return False
    if not spec.has_bridge:
        path = Path(str(spec.wires))
        return path.is_dir() and (not read_leases(folder) or hub.is_running(path))
    objects = nft.listed(str(spec.table))
    return (
        objects is not None
        and nft.fingerprint(_without_forwards(objects)) == form.get("rules")
        and _count_forwards(objects) == _count_wanted(spec, read_leases(folder))
        and bridge.is_as_declared(spec, netlink.links())
        and (spec.mode != "nat" or forwarding.is_on(_families(spec)))
    )


def is_of_this_version(form: Mapping[str, Any]) -> bool:
    """False where rules and `port.py` were made by other code: what that got wrong is mended by making them again."""
    return bool(form.get("made_by") == shipping.version())


def refuse_in_use(folder: Folder, spec: Spec, *, is_forever: bool) -> None:
    """Raise Refused while guests are plugged in; before a removal also while owners of leases are there."""
    links = netlink.links() if spec.has_bridge else {}
    for lease in _swept(folder, spec):
        is_owned = is_forever and lease.witness is not None
        if is_owned or _is_plugged(spec, lease, links):
            raise Refused(
                f"{lease.holder} is plugged into network {spec.name} with {lease.address}",
                mend=f"Remove it first, or unplug it: {folder.path}/port.py detach {lease.owner}",
            )


def _form(spec: Spec, declared: Mapping[str, Any], *, is_active: bool) -> Dict[str, Any]:
    """The record of what is about to be done."""
    found: Dict[str, Any] = {"version": 1, "spec": spec.form(), "declared": dict(declared)}
    return {**found, "is_whole": False, "is_active": is_active, "made_by": shipping.version()}


def _is_plugged(spec: Spec, lease: Lease, links: Mapping[str, netlink.Link]) -> bool:
    if spec.has_bridge:
        return lease.tap in links and links[str(lease.tap)].has_carrier
    return wires.is_plugged(Path(str(spec.wires)), lease.owner, lease.index)


def _swept(folder: Folder, spec: Spec) -> Leases:
    """The leases of owners that are there; taps of all others go."""
    leases = read_leases(folder)
    kept = tuple(lease for lease in leases if lease.witness is None or os.path.lexists(lease.witness))
    for lease in leases:
        if lease not in kept:
            if lease.tap is not None:
                taps.remove(lease.tap, lease.mac)
            if spec.wires is not None:
                wires.unplug(Path(spec.wires), lease.owner, lease.index)
    if kept != leases:
        write_leases(folder, kept)
    return kept


def _raise_bridge(folder: Folder, spec: Spec, leases: Leases, say: Say) -> str:
    """Rules before the bridge: no guest is ever without them. Answers their fingerprint."""
    nft.load(rules.table(spec, leases))
    bridge.raise_bridge(spec)
    links = netlink.links()
    for lease in leases:
        if lease.tap in links:  # of a guest that runs on while its bridge was gone
            taps.raise_tap(spec, str(lease.tap), lease.mac, lease.uid, links)
    if spec.mode == "nat":
        forwarding.hold(folder.place, spec.name, _families(spec), _tables(folder, spec))
    else:
        _say(say, forwarding.release(folder.place, spec.name, _tables(folder, spec)))
    return nft.fingerprint(_without_forwards(nft.listed(str(spec.table)) or []))


def _remove_former(former: Spec, spec: Spec, folder: Folder) -> None:
    """What an earlier form of the network had, and this one has not."""
    if former.bridge is not None and former.bridge != spec.bridge:
        bridge.remove(former.bridge, former.name, former.key)
    if former.table is not None and former.table != spec.table:
        nft.load(rules.removal(former.table))
    if former.wires is not None and former.wires != spec.wires:
        wires.remove(Path(former.wires), folder.path)


def _take_away(folder: Folder, spec: Spec, say: Say) -> None:
    if spec.has_bridge:
        links = netlink.links()
        for lease in read_leases(folder):
            if lease.tap in links:
                taps.remove(str(lease.tap), lease.mac)
        bridge.remove(spec.bridge, spec.name, spec.key)
        if nft.listed(str(spec.table)) is not None:
            nft.load(rules.removal(str(spec.table)))
        _say(say, forwarding.release(folder.place, spec.name, _tables(folder, spec)))
    elif spec.wires is not None:
        wires.remove(Path(spec.wires), folder.path)


def _require_root(spec: Spec) -> None:
    if spec.has_bridge and os.geteuid() != 0:
        raise Refused(
            f"mode {spec.mode} needs root on the host",
            path="/mode",
            mend="Declare `become: sudo` for the host, or use mode: user, which needs no privilege.",
        )


def _families(spec: Spec) -> List[int]:
    return [4] if spec.cidr6 is None else [4, 6]


def _tables(folder: Folder, spec: Spec) -> List[str]:
    """All tables of the place: they forward no more once their networks are off."""
    forms = [other.read_record() for other in folder.others]
    return [str(spec.table), *(str(form["spec"]["table"]) for form in forms if form is not None)]


def _without_forwards(objects: List[Any]) -> List[Any]:
    return [item for item in objects if item.get("rule", {}).get("chain") != "forwards"]


def _count_forwards(objects: List[Any]) -> int:
    return sum(item.get("rule", {}).get("chain") == "forwards" for item in objects)


def _count_wanted(spec: Spec, leases: Leases) -> int:
    return len(list(rules.redirections(leases))) if spec.mode == "nat" else 0


def _say(say: Say, text: Optional[str]) -> None:
    if text is not None:
        say(text)


__all__ = ["is_of_this_version", "is_up", "lower_network", "raise_network", "remove_network"]
