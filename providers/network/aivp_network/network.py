"""`network`: what guests are plugged into: a segment of their own, with or without a way outside."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from aivp_sdk import Change, Done, Item, Json, Kind, Listed, Observation, Permanent, ProviderError, Seen, Session
from aivp_sdk.schema import load

from . import bridge, lifecycle, surroundings
from .checking import key_of, spec_of
from .declaration import Network
from .segment.folder import Folder
from .segment.problem import Refused, of_system
from .segment.spec import Spec, read_spec

_DEFAULTS: Dict[str, Json] = {"mode": "nat", "mtu": 1500, "state": "active"}
_OF_A_MODE = ("egress", "bridge")
_BRIDGED: Dict[str, Json] = {"mode": ["nat", "isolated"]}


class NetworkKind(Kind[Network]):
    """A network of virtual machines: in user mode, behind a bridge with NAT, or isolated."""

    name = "network"
    schema = Network
    identity = ("name",)
    identity_from_name = True
    phase = "identity"
    needs = (
        {"privilege": "root", "when": _BRIDGED, "why": "to make bridges and taps; mode user needs none"},
        {"command": "nft", "package": "nftables", "when": _BRIDGED, "why": "for its table of rules"},
        {"device": "/dev/net/tun", "when": _BRIDGED, "why": "to plug guests in"},
        {"module": "bridge", "config": "CONFIG_BRIDGE", "when": _BRIDGED, "why": "to connect guests"},
        {"module": "nf_tables", "config": "CONFIG_NF_TABLES", "when": _BRIDGED, "why": "for its table of rules"},
        {"module": "nft_masq", "config": "CONFIG_NFT_MASQ", "when": {"mode": ["nat"]}, "why": "to lead guests outside"},
        {"module": "nft_fib_inet", "config": "CONFIG_NFT_FIB_INET", "when": {"mode": ["nat"]}, "why": "for forwards"},
    )
    rules = (
        {"when": {"state": ["active", "inactive"]}, "required": ["cidr"]},
        {
            "when": {"state": ["absent"]},
            "forbidden": [
                "mode",
                "cidr",
                "gateway",
                "cidr6",
                "range",
                "reservations",
                "dns",
                "egress",
                "mtu",
                "bridge",
            ],
        },
    )

    def observe_many(self, items: Sequence[Item[Network]], session: Session) -> List[Seen]:
        """One look each, and at those that would be new, whether they meet each other."""
        found: List[Seen] = []
        fresh: List[Spec] = []
        for item in items:
            try:
                found.append(_observe(item, session, fresh))
            except ProviderError as error:
                found.append(error)
            except Refused as refused:
                found.append(_error(refused))
            except OSError as error:
                found.append(_error(of_system(error)))
        return found

    def apply(self, change: Change[Network], session: Session) -> Done:
        """Bring the network about, take it down, or leave nothing of it; what is so already is left alone."""
        try:
            return _apply(change, session)
        except Refused as refused:
            raise _error(refused) from None
        except OSError as error:
            raise _error(of_system(error)) from None

    def list(self, within: Any, session: Session) -> Iterable[Listed]:
        """The networks that aivp made here."""
        place = _place(session)
        for folder in Folder(place / "-").others:
            form = folder.read_record()
            if form is not None:
                said = {field: value for field, value in form["declared"].items() if value != _DEFAULTS.get(field)}
                yield Listed({**said, "name": folder.path.name})


def _observe(item: Item[Network], session: Session, fresh: List[Spec]) -> Observation:
    desired, folder = item.desired, _folder(session, item.desired.name)
    form = folder.read_record()
    wanted = {name: value for name, value in _declared(desired, item.declared).items() if name in item.declared}
    if desired.state == "absent" or (desired.cidr is None and form is None):  # it can only be asked about
        return Observation(None if form is None else _seen(folder, form), wanted)
    desired = _filled(desired, item.declared, form)
    try:
        spec = _spec(desired, folder, form)
    except Refused as refused:
        raise _error(refused) from None
    computed = _computed(folder, spec)
    if form is None:
        surroundings.refuse_overlap(spec, folder)
        for other in fresh:
            surroundings.refuse_overlap_of(other, spec)
        fresh.append(spec)
        return Observation(None, wanted, computed=computed)
    observed = _seen(folder, form)
    if observed["state"] == "active" == desired.state and not lifecycle.is_of_this_version(form):
        observed["state"] = "inactive"
        session.log(f"network {desired.name}: its rules are those of another version of aivp, and are made anew")
    is_other = "user" in (observed["mode"], desired.mode) and observed["mode"] != desired.mode
    return Observation(observed, wanted, replace=("mode",) if is_other else (), computed=computed)


def _apply(change: Change[Network], session: Session) -> Done:
    desired, folder = change.desired, _folder(session, change.desired.name)
    is_gone = change.action == "delete" or desired.state == "absent"
    if is_gone and not folder.path.is_dir():
        return Done()

    def say(text: str) -> None:
        session.log(f"network {desired.name}: {text}", "warning")

    with folder.locked():
        if is_gone:
            lifecycle.remove_network(folder, say)
            return Done()
        form = folder.read_record()
        desired = _filled(desired, change.declared, form)
        spec = _spec(desired, folder, form)
        declared = _declared(desired, [*change.declared, *(form["declared"] if form is not None else ())])
        if desired.state == "inactive":
            lifecycle.lower_network(folder, spec, declared, say)
        else:
            surroundings.refuse_overlap(spec, folder)
            lifecycle.raise_network(folder, spec, declared, say)
            for text in surroundings.stopped_by(spec) if spec.has_bridge else ():
                say(text)
            if spec.mode == "nat" and not spec.dns:
                say("the host asks a name server of its own, which guests cannot reach: declare dns: {servers: […]}")
    return Done(_computed(folder, spec))


def _spec(desired: Network, folder: Folder, form: Optional[Mapping[str, Any]]) -> Spec:
    had = read_spec(form["spec"]).bridge if form is not None else None
    name = bridge.choose(desired.name, key_of(folder.path), desired.bridge, had) if desired.mode != "user" else None
    return spec_of(desired, folder.path, name, surroundings.host_servers())


def _seen(folder: Folder, form: Mapping[str, Any]) -> Dict[str, Json]:
    """What was last applied, and whether it is so still."""
    spec = read_spec(form["spec"])
    is_up = lifecycle.is_up(folder, spec, form)
    state = "active" if is_up else "inactive"
    if not form["is_active"] and not form["is_whole"]:
        state = "active"  # it is being taken down
    return {**form["declared"], "name": folder.path.name, "state": state}


def _filled(desired: Network, declared: Sequence[str], form: Optional[Mapping[str, Any]]) -> Network:
    """With what is not declared as it was, a default or not: it is left alone, unless the mode is another one."""
    if form is None:
        return desired
    is_other = "mode" in declared and desired.mode != form["declared"].get("mode")
    gone = {*declared, *(_OF_A_MODE if is_other else ())}
    left = {name: value for name, value in form["declared"].items() if name not in gone}
    former = load(Network, {"name": desired.name, **left})
    return replace(desired, **{name: getattr(former, name) for name in left})


def _declared(desired: Network, names: Iterable[str]) -> Dict[str, Json]:
    """Fields as JSON, in normal form: those of the network, and what is at its default."""
    found: Dict[str, Json] = {"mode": desired.mode, "mtu": desired.mtu, "name": desired.name, "state": desired.state}
    found.update({name: _plain(getattr(desired, name)) for name in names})
    return {name: value for name, value in found.items() if value is not None}


def _plain(value: Any) -> Json:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        inner = {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
        return {name: found for name, found in inner.items() if found is not None}
    return value


def _computed(folder: Folder, spec: Spec) -> Dict[str, Json]:
    return {
        "path": str(folder.path),
        "interface": spec.bridge,
        "address": spec.gateway if spec.has_bridge else None,
        "address6": spec.gateway6 if spec.has_bridge else None,
        "network6": spec.cidr6,
    }


def _folder(session: Session, name: str) -> Folder:
    return Folder(_place(session) / name)


def _place(session: Session) -> Path:
    """Where all networks are kept: as configured, else below what is the provider's own."""
    configured = session.configuration.folder if session.configuration is not None else None
    return Path(os.path.realpath(configured or session.directory)) / "networks"


def _error(refused: Refused) -> Permanent:
    return Permanent(refused.message, path=refused.path, mend=refused.mend)


__all__: Tuple[str, ...] = ("NetworkKind",)
