"""`port.py VERB …` in the folder of a network: plug a guest in, unplug it, forward ports, list who has what.

Prints one JSON object and ends with 0, or with 1 and `{"error": {message, mend?}}`. For the vm provider and for people.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from . import addressing, forwards, hub, netlink, nft, rules, taps, wires
from .folder import Folder
from .leases import Lease, Wish, allocate, find, read_leases, write_leases
from .problem import Refused, of_system
from .spec import Spec, read_spec

Answer = Dict[str, Any]


def main(place: Path, argv: Sequence[str]) -> int:
    """Do one verb in the network whose folder is `place`; the exit code."""
    options = _parser().parse_args(argv)
    try:
        answer = _do(Folder(place), options)
    except Refused as refused:
        _say({"error": refused.form})
        return 1
    except OSError as error:
        _say({"error": of_system(error).form})
        return 1
    if answer is not None:
        _say(answer)
    return 0


def attach(folder: Folder, wish: Wish) -> Answer:
    """A lease and a wire for one interface; the same again whenever it is asked for again. Raises Refused."""
    with folder.locked():
        spec = _spec(folder)
        if not _record(folder)["is_active"]:
            raise Refused(f"network {spec.name} is inactive", mend="Declare it with state: active, and apply.")
        leases = _swept(folder, spec, read_leases(folder))
        lease = allocate(spec, leases, wish)
        others = [item for item in leases if (item.owner, item.index) != (wish.owner, wish.index)]
        if not spec.has_bridge:
            write_leases(folder, [*others, lease])
            assert spec.wires is not None
            wires.prepare(Path(spec.wires), folder.path)
            wires.start_hub(Path(spec.wires), folder.path / "port.py")
            return _answer(spec, lease, wires.netdev(Path(spec.wires), lease.owner, lease.index))
        links = netlink.links()
        lease = _with_tap(spec, lease, links)
        write_leases(folder, [*others, lease])  # before the tap is there: then it is never nobody's
        assert lease.tap is not None
        taps.raise_tap(spec, lease.tap, lease.mac, lease.uid, links)
        held = find(leases, wish.owner, wish.index)
        if held is not None and held.address != lease.address and lease.forwards and spec.mode == "nat":
            forwards.load(spec, [*others, lease])
        return _answer(spec, lease, f"tap,ifname={lease.tap},script=no,downscript=no")


def detach(folder: Folder, owner: str) -> Answer:
    """Give back all that an owner has; nothing is no error."""
    with folder.locked():
        spec = _spec(folder)
        leases = read_leases(folder)
        gone = [lease for lease in leases if lease.owner == owner]
        _release(folder, spec, gone, [lease for lease in leases if lease.owner != owner])
    return {"detached": len(gone)}


def forward(folder: Folder, owner: str, index: int, wanted: Any) -> Answer:
    """Make these the forwards of an interface."""
    with folder.locked():
        spec = _spec(folder)
        lease = forwards.set_forwards(folder, spec, owner, index, wanted)
        found: Answer = {"forwards": [dict(item) for item in lease.forwards]}
        return {**found, "hostfwd": wires.uplink(spec, lease)["hostfwd"]} if spec.mode == "user" else found


def listing(folder: Folder) -> Answer:
    """Who has what."""
    spec = _spec(folder)
    return {"network": spec.name, "leases": [lease.form() for lease in read_leases(folder)]}


def sweep(folder: Folder) -> Answer:
    """Give back what belongs to owners that are gone, as their witness says."""
    with folder.locked():
        spec = _spec(folder)
        before = read_leases(folder)
        return {"detached": len(before) - len(_swept(folder, spec, before))}


def _swept(folder: Folder, spec: Spec, leases: Tuple[Lease, ...]) -> Tuple[Lease, ...]:
    gone = [lease for lease in leases if lease.witness is not None and not os.path.lexists(lease.witness)]
    kept = tuple(lease for lease in leases if lease not in gone)
    if gone:
        _release(folder, spec, gone, kept)
    return kept


def _release(folder: Folder, spec: Spec, gone: Sequence[Lease], kept: Sequence[Lease]) -> None:
    """Taps and forwards first, the record last: what is interrupted is done again."""
    if spec.mode == "nat" and spec.table and any(lease.forwards for lease in gone) and nft.listed(spec.table):
        nft.load(rules.forwards(spec, kept))
    for lease in gone:
        if lease.tap is not None:
            taps.remove(lease.tap, lease.mac)
        if spec.wires is not None:
            wires.unplug(Path(spec.wires), lease.owner, lease.index)
    if gone:
        write_leases(folder, kept)
    if spec.wires is not None and not kept:
        hub.end(Path(spec.wires))


def _with_tap(spec: Spec, lease: Lease, links: Dict[str, netlink.Link]) -> Lease:
    """The tap that it has, as long as it may have it; else the name of a new one."""
    there = links.get(lease.tap) if lease.tap else None
    if lease.tap is None or (there is not None and not taps.is_ours(there, lease.mac)):
        return replace(lease, tap=taps.choose(spec, lease.owner, lease.index, links))
    return lease


def _answer(spec: Spec, lease: Lease, netdev: str) -> Answer:
    network6 = spec.network6
    return {
        "network": spec.name,
        "mode": spec.mode,
        "mac": lease.mac,
        "address": lease.address,
        "address6": lease.address6,
        "prefix": spec.network.prefixlen,
        "prefix6": None if network6 is None else network6.prefixlen,
        "gateway": spec.gateway if spec.mode == "nat" else None,
        "gateway6": spec.gateway6 if spec.mode == "nat" else None,
        "dns": list(spec.dns) if spec.mode == "nat" else [],
        "domain": spec.domain,
        "mtu": spec.mtu,
        "netdev": [netdev],
        "tap": lease.tap,
        "user": wires.uplink(spec, lease) if spec.mode == "user" else None,
    }


def _say(answer: Answer) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _spec(folder: Folder) -> Spec:
    return read_spec(_record(folder)["spec"])


def _record(folder: Folder) -> Dict[str, Any]:
    form = folder.read_record()
    if form is None:
        raise Refused(f"there is no network in {folder.path}", mend="Apply the project that declares it.")
    return form


def _do(folder: Folder, options: argparse.Namespace) -> Optional[Answer]:
    if options.verb == "attach":
        mac = None if options.mac is None else addressing.read_mac(options.mac)
        witness = None if options.witness is None else os.path.abspath(options.witness)
        wish = Wish(options.owner, options.index, options.address, options.address6, mac, options.uid, witness)
        return attach(folder, wish)
    if options.verb == "detach":
        return detach(folder, options.owner)
    if options.verb == "forward":
        try:
            wanted = json.loads(options.forwards)
        except ValueError as error:
            raise Refused(f"the forwards are no JSON: {error}") from None
        return forward(folder, options.owner, options.index, wanted)
    if options.verb == "hub":
        hub.serve(Path(str(_spec(folder).wires)), options.ready)
        return None
    return listing(folder) if options.verb == "leases" else sweep(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="port.py", description="Plug guests into a network, and list who has what.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    plug = verbs.add_parser("attach", help="a lease and a wire; the same again for the same owner and index")
    plug.add_argument("owner")
    plug.add_argument("index", type=int)
    plug.add_argument("--address", help="an address of one's own choice")
    plug.add_argument("--address6")
    plug.add_argument("--mac")
    plug.add_argument("--uid", type=int, help="who may open the tap beside root")
    plug.add_argument("--witness", metavar="PATH", help="once this path is gone, so is the owner, and its lease free")
    verbs.add_parser("detach", help="give back all of an owner's leases").add_argument("owner")
    ports = verbs.add_parser("forward", help="make these the forwards of an interface, live")
    ports.add_argument("owner")
    ports.add_argument("index", type=int)
    ports.add_argument("forwards", metavar="JSON", help='[{"listen": "8080", "port": 80, "protocol": "tcp"}, …]')
    verbs.add_parser("leases", help="who has what")
    verbs.add_parser("sweep", help="give back what belongs to owners that are gone")
    verbs.add_parser("hub").add_argument("ready", type=int)
    return parser


def start(argv: List[str]) -> int:
    """Begin of the program: its folder is the network's."""
    return main(Path(argv[0]).resolve().parent, argv[1:])


if __name__ == "__main__":
    sys.exit(start(sys.argv))
