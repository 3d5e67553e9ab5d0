"""`vm`: what is there, and what shall be. Looking asks no VM: it reads files and locks, so 200 of them are one pass."""

from __future__ import annotations

import dataclasses
import functools
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence

from aivp_sdk import (
    Change,
    Done,
    Item,
    Json,
    Kind,
    Listed,
    Observation,
    Permanent,
    ProviderError,
    Seen,
    Session,
    Unknown,
)
from aivp_sdk import Result as Answer
from aivp_sdk.schema import load

from . import acceleration, disks, firmware, image, keeping, making, ports, record, templates
from .declaration import Vm
from .keeping import Place
from .machine import client, places, state, warm
from .record import Record

COMPUTED = ("instance", "address", "address6", "addresses", "mac", "host_keys", "accelerator", "path", "channel")
_RESTARTING = ("cpus", "memory", "cmdline", "vnc", "limits", "acceleration", "hostname")
_DEFAULTS: Mapping[str, Json] = {
    item.name: item.default for item in dataclasses.fields(Vm) if item.default is not None and item.name != "state"
}
"""Of fields that a record may not have, if it was written by an older version."""
_VERDICT = {"file": acceleration.CACHE, "works": "kvm"}
_SIDE_BY_SIDE = 8
_SIGN_OF_LIFE = 5.0


class VmKind(Kind[Vm]):
    """A virtual machine, and a host of the same plan."""

    name = "vm"
    schema = Vm
    identity = ("name",)
    identity_from_name = True
    phase = "service"
    batch = True
    channel = "channel"
    needs = (
        {
            "command": "qemu-system-x86_64",
            "package": {"apt": "qemu-system-x86", "dnf": "qemu-system-x86-core", "apk": "qemu-system-x86_64"},
            "why": "to run VMs",
        },
        {
            "command": "qemu-img",
            "package": {"apt": "qemu-utils", "dnf": "qemu-img", "apk": "qemu-img"},
            "why": "to make their disks",
        },
        {
            "device": "/dev/kvm",
            "optional": True,
            "why": "to run VMs many times faster",
            "verdict": _VERDICT,
            "within": "folder",
            "when": {"acceleration": ["auto"]},
        },
        {
            "device": "/dev/kvm",
            "why": "to run VMs that ask for KVM",
            "verdict": _VERDICT,
            "within": "folder",
            "when": {"acceleration": ["kvm"]},
        },
        {
            "file": [code for code, _ in firmware.KNOWN],
            "package": {"apt": "ovmf", "dnf": "edk2-ovmf", "apk": "ovmf"},
            "why": "to boot VMs by UEFI",
            "when": {"boot": ["firmware"]},
        },
        {"disk": 256 * 1024**2, "why": "to keep what VMs write", "within": "folder"},
    )

    def observe(self, item: Item[Vm], session: Session) -> Observation:
        """Its files and locks."""
        return _observe(item, session, _image_has_helper)

    def observe_many(self, items: Sequence[Item[Vm]], session: Session) -> List[Seen]:
        """One after the other, and what is asked of an image once."""
        has_helper = functools.lru_cache(maxsize=None)(_image_has_helper)
        found: List[Seen] = []
        for item in items:
            try:
                found.append(_observe(item, session, has_helper))
            except ProviderError as error:
                found.append(error)
        return found

    def apply(self, change: Change[Vm], session: Session) -> Done:
        """One of them."""
        return _apply(change, session)

    def apply_many(self, changes: Sequence[Change[Vm]], session: Session) -> List[Answer]:
        """Side by side: each waits for its guest most of the time."""
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            working = [pool.submit(_apply, change, session) for change in changes]
            left = set(working)
            while left:
                _, left = wait(left, timeout=_SIGN_OF_LIFE)
                session.progress("virtual machines", done=len(working) - len(left), total=len(working))
        return [_answer(future) for future in working]

    def list(self, within: Any, session: Session) -> Iterable[Listed]:
        """All that were made here."""
        for folder in sorted((place_of(session).directory / keeping.VMS).glob("*")):
            found = record.read(folder)
            if found is not None and found.is_made:
                shown = {name: value for name, value in found.declared.items() if value != _DEFAULTS.get(name)}
                yield Listed({**shown, "name": folder.name}, name=folder.name)


def place_of(session: Session) -> Place:
    """Where VMs are kept. Raises Permanent where nobody said so."""
    configured = session.configuration
    folder = getattr(configured, "folder", None) or getattr(session, "directory", None)
    if folder is None:
        raise Permanent("nobody said where VMs are kept", mend="providers: {vm: {folder: /PATH}}")
    return Place(Path(folder), getattr(configured, "firmware", None) or "")


def _observe(item: Item[Vm], session: Session, has_helper: Callable[[str], bool]) -> Observation:
    place = place_of(session)
    name = item.desired.name
    folder = place.folder(name)
    found = record.read(folder)
    wanted = _wanted(item.desired, item.declared)
    if found is None or not found.is_made or found.is_going or found.machine is None:
        _refuse_hopeless(item.desired)
        foreseen = _foreseen(item.desired, None, folder, "stopped", False, has_helper)
        return Observation(None, wanted, computed=foreseen)
    seen = state.look(folder)
    observed = {
        **_DEFAULTS,
        **found.declared,
        "name": name,
        **_real(folder, found),
        "state": _status(folder, seen, item.desired),
    }
    observed.update(_computed(found, folder, seen))
    is_restarted = any(wanted.get(name) != found.declared.get(name) for name in wanted if name in _RESTARTING)
    if is_restarted and seen.pid is not None and item.desired.state in ("running", "paused"):
        session.log(f"{name} is running, and restarts for that change", "warning")
    foreseen = _foreseen(item.desired, found, folder, str(observed["state"]), is_restarted, has_helper)
    return Observation(observed, wanted, computed=foreseen)


def _refuse_hopeless(desired: Vm) -> None:
    """What no apply could make, told while planning: ports that are none, and a folder that is there and no image."""
    if desired.state == "absent":
        return
    for index, card in enumerate(desired.networks or []):
        for number, one in enumerate(card.forwards or []):
            if isinstance(one.listen, (int, str)):  # else an earlier step brings it
                ports.endpoint(one, f"/networks/{index}/forwards/{number}/listen")
    if isinstance(desired.image, str) and Path(desired.image).is_dir():
        image.read(Path(desired.image))


def _apply(change: Change[Vm], session: Session) -> Done:
    place = place_of(session)
    if change.action == "delete" or change.desired.state == "absent":
        keeping.remove(place, change.desired.name)
        return Done()
    desired = _completed(change, place)
    is_new = change.action == "create"
    keeping.bring(place, desired, _plain(desired, change.hidden), is_new, session.is_stopped)
    folder = place.folder(desired.name)
    found = record.read(folder)
    assert found is not None
    if found.cold and is_new:
        session.log(f"{desired.name} boots, instead of a warm start: {found.cold}", "warning")
    return Done(_computed(found, folder, state.look(folder)))


def _completed(change: Change[Vm], place: Place) -> Vm:
    """What is not declared stays as it is."""
    desired = change.desired
    found = record.read(place.folder(desired.name))
    if found is None or found.machine is None:
        return desired
    seen = state.look(place.folder(desired.name))
    kept: Dict[str, Json] = {**found.declared, "state": "stopped" if seen.pid is None else "running"}
    if seen.status == "paused":
        kept["state"] = "paused"
    names = Vm.__dataclass_fields__
    fields = {name: value for name, value in kept.items() if name in names and name not in change.declared}
    known = load(Vm, fields)
    return dataclasses.replace(desired, **{name: getattr(known, name) for name in fields})


def _answer(future: Any) -> Answer:
    error = future.exception()
    if error is None:
        done: Done = future.result()
        return done
    if isinstance(error, ProviderError):
        return error
    raise error


def _plain(desired: Vm, hidden: FrozenSet[str] = frozenset()) -> Dict[str, Json]:
    """All fields that may be kept and shown, as JSON, with those that have their default."""
    left_out = {"state", "cloud_init", *COMPUTED, *hidden}
    fields = {name: _json(getattr(desired, name)) for name in Vm.__dataclass_fields__ if name not in left_out}
    fields["networks"] = _json(list(making.networks(desired)))  # none declared is one, an empty list is none
    return {name: value for name, value in fields.items() if value is not None}


def _wanted(desired: Vm, declared: Iterable[str]) -> Dict[str, Json]:
    """Its fields; of a clone those that it has for itself, and a template shall be frozen."""
    left_out = set(templates.unsaid(desired)) if desired.clone_of else set()
    wanted = {name: _json(getattr(desired, name)) for name in sorted(declared) if name not in left_out}
    if desired.template and desired.state == "running":
        wanted["state"] = templates.STATE
    return wanted


def _json(value: Any) -> Json:
    if isinstance(value, list):
        return [_json(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        members = {name: _json(getattr(value, name)) for name in value.__dataclass_fields__}
        return {name: member for name, member in members.items() if member is not None}
    return value


def _real(folder: Path, found: Record) -> Dict[str, Json]:
    """What is told by the disk rather than by the record: sizes of disks."""
    real: Dict[str, Json] = {}
    declared: Sequence[Mapping[str, Any]] = found.declared.get("disks") or []
    if declared:
        sizes = {one["name"]: disks.size(folder / disks.file_of(one["name"], one["format"])) for one in declared}
        real["disks"] = [{**one, "size": sizes[one["name"]]} for one in declared if sizes[one["name"]] is not None]
    root = disks.size(folder / disks.file_of(disks.ROOT, "qcow2"))
    if root is not None:
        real["root_size"] = root
    return real


def _status(folder: Path, seen: state.Seen, desired: Vm) -> str:
    """How it is; for whoever wants it stopped, one that does not run is that, whatever it ended by."""
    if desired.template and seen.pid is None and warm.frozen(folder) is not None:
        return templates.STATE
    return "stopped" if seen.pid is None and seen.supervisor is None and desired.state == "stopped" else seen.status


def _computed(found: Record, folder: Path, seen: state.Seen) -> Dict[str, Json]:
    assert found.machine is not None
    return {
        **_lasting(found, folder),
        "host_keys": list(seen.state.host_keys),
        "accelerator": found.machine.accelerator,
        "channel": way_in(folder) if seen.status in ("running", "unsupervised") and found.machine.has_helper else None,
    }


def _lasting(found: Record, folder: Path) -> Dict[str, Json]:
    assert found.machine is not None
    cards = found.machine.cards
    nothing = "" if found.template else None  # nobody could know of a clone, before its template was there
    return {
        "instance": found.instance,
        "address": found.address or nothing,
        "address6": (found.address6 or "") if found.networks else nothing,
        "addresses": list(found.addresses),
        "mac": cards[0].mac if cards else nothing,
        "path": str(folder),
    }


def way_in(folder: Path) -> List[str]:
    """The way in."""
    return [client.python(), "-I", str(folder / places.ENTER)]


def _foreseen(
    desired: Vm,
    found: Optional[Record],
    folder: Path,
    status: str,
    is_restarted: bool,
    has_helper: Callable[[str], bool],
) -> Dict[str, Json]:
    """What the computed fields will be after an apply, as far as that is certain. Null is certain, too."""
    cards = making.networks(desired)
    computed: Dict[str, Json] = dict.fromkeys(COMPUTED, Unknown())
    computed["path"] = str(folder)
    if not desired.clone_of and not any(card.network for card in cards):
        computed.update(address=None, address6=None, addresses=[])
    if not desired.clone_of and not cards:
        computed["mac"] = None
    if found is not None and found.machine is not None:
        is_as_template = desired.clone_of is not None and desired.networks is None
        is_plugged_anew = found.declared.get("networks") != _json(list(cards)) and not is_as_template
        computed.update({"instance": found.instance} if is_plugged_anew else _lasting(found, folder))
        if status in (desired.state, templates.STATE) and not is_restarted:
            fleeting = _computed(found, folder, state.look(folder))
            computed.update({name: fleeting[name] for name in ("host_keys", "accelerator", "channel")})
    by_none = desired.ready is not None and desired.ready.by == "none"
    if desired.state != "running" or desired.template or by_none or not has_helper(desired.image or ""):
        computed["channel"] = None
    return computed


def _image_has_helper(folder: str) -> bool:
    """Taken for granted of an image that is not there yet."""
    try:
        return image.read(Path(folder)).helper
    except Permanent:
        return True
