"""Templates and their clones: what a clone takes over, what it must not differ in, and who stands on whom.

A clone is told what it is by its template's record. Nothing here starts or asks a VM but `freeze`.
"""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping

from aivp_guest.client import Guest, GuestError
from aivp_sdk import Permanent

from . import disks, power, record
from .declaration import DataDisk, Network, Vm
from .image import Image
from .machine import client, places, removal, warm
from .machine.spec import Machine
from .record import Record

STATE = "template"
_INHERITED = ("image", "cpus", "memory", "root_size", "disks", "networks", "boot", "cmdline", "vnc", "acceleration")
_ALIKE = ("image", "cpus", "memory", "root_size", "disks", "boot", "cmdline")
_NOTHING_SAID = Vm(name="")
_TO_DISK = 30.0


@dataclass(frozen=True)
class Template:
    """A frozen VM: its folder, what is known of it, and how it was started."""

    folder: Path
    record: Record
    machine: Machine
    desired: Vm


def read(folder: Path, desired: Mapping[str, Any]) -> Vm:
    """The declaration that a record keeps."""
    fields = {name: value for name, value in desired.items() if name in Vm.__dataclass_fields__}
    found = Vm(**{"name": folder.name, **fields})
    with_disks = [DataDisk(**one) for one in fields.get("disks") or []]
    cards = (
        None if fields.get("networks") is None else [Network(network=one.get("network")) for one in fields["networks"]]
    )
    return dataclasses.replace(found, disks=with_disks or None, networks=cards)


def find(path: str) -> Template:
    """The template in a folder. Raises Permanent where there is none that is frozen."""
    folder = Path(path)
    found = record.read(folder)
    if found is None or found.machine is None or found.is_going or warm.frozen(folder) is None:
        raise _flaw("/clone_of", f"{path} is no template that was frozen", "Declare a vm with template: true.")
    return Template(folder, found, found.machine, read(folder, found.declared))


def said(desired: Vm) -> List[str]:
    """What of a clone's declaration is its own: a default is not, since aivp sends them all."""
    return [name for name in _INHERITED if getattr(desired, name) != getattr(_NOTHING_SAID, name)]


def unsaid(desired: Vm) -> List[str]:
    """What of it may be its template's."""
    return [name for name in _INHERITED if name not in said(desired)]


def inherited(desired: Vm, template: Template) -> Vm:
    """The clone's declaration, whole: what it does not say is the template's. Raises Permanent for a difference."""
    if desired.cloud_init is not None:
        text = "a warm clone does not boot, so cloud-init in it hears nothing"
        raise _flaw(
            "/cloud_init", text, "Say it to the template; or declare within the VM what only this one shall have."
        )
    declared = said(desired)
    for name in _ALIKE:
        if name in declared and getattr(desired, name) != getattr(template.desired, name):
            theirs = _shown(getattr(template.desired, name))
            text = f"{name} is not as with the template {template.folder.name}, which has {theirs}"
            raise _flaw(f"/{name}", text, f"Leave {name} out, or declare it for the template.")
    if "vnc" in declared and bool(desired.vnc) != bool(template.desired.vnc):
        raise _flaw(
            "/vnc", "a screen is there with the template and all of its clones, or with none", "Declare it alike."
        )
    taken = {name: getattr(template.desired, name) for name in _INHERITED if name not in declared}
    found = dataclasses.replace(desired, **taken)
    if "networks" in declared and _cards(found) != _cards(template.desired):
        text = f"it has {_cards(found)} network cards, and its template has {_cards(template.desired)}"
        raise _flaw("/networks", text, "Declare as many; which networks they lead to is free.")
    return found


def kept(desired: Vm) -> Dict[str, Any]:
    """What a clone took over, for its record."""
    return {name: getattr(desired, name) for name in _INHERITED}


def taken(asked: Vm, whole: Vm) -> Dict[str, Any]:
    """What the whole declaration of a clone has beyond what was asked for, as JSON; of cards it is not told."""
    if not asked.clone_of:
        return {}
    found = {name: getattr(whole, name) for name in unsaid(asked) if name != "networks"}
    found["disks"] = [dataclasses.asdict(one) for one in found.get("disks") or []] or None
    return {name: value for name, value in found.items() if value is not None}


def as_before(desired: Vm, before: Record) -> Vm:
    """An existing clone's declaration, whole: what it does not say stays. It boots from now on, so all may change."""
    known = read(Path(desired.name), before.inherited)
    kept = {name: getattr(known, name) for name in before.inherited if name not in said(desired)}
    return dataclasses.replace(desired, **kept)


def cold(template: Template, machine: Machine) -> str:
    """Why the clone has to boot; empty where it can start from its template's memory."""
    known = warm.frozen(template.folder)
    if machine.accelerator != template.machine.accelerator:
        return f"it runs with {machine.accelerator}, and its template was frozen with {template.machine.accelerator}"
    if known is None or known.shape != warm.shape(machine):
        return "its template was frozen by another version of aivp's VMs"
    return warm.flaw(template.folder)


def grant(folder: Path, template: Template) -> None:
    """The right to one warm start, for a VM whose disks were made just now."""
    places.write_json(folder / warm.ORIGIN, {"version": 1, "template": str(template.folder)}, durable=True)


def make_disks(folder: Path, template: Template) -> None:
    """Overlays over all the disks of the template, as they were when it was frozen."""
    for disk in template.machine.disks:
        if disk.is_read_only:
            continue
        disks.make_over(folder, disk.name, template.folder / disk.file, disk.format)
    seed = template.folder / places.SEED
    if seed.exists():  # cloud-init in there knows it; another one would make it begin anew at the next boot
        draft = folder / f".{places.SEED}"
        draft.write_bytes(seed.read_bytes())
        draft.replace(folder / places.SEED)


def links(machine: Machine) -> Machine:
    """Its cards by their places: those of a machine that was just cloned still have the template's addresses."""
    told: Dict[str, Any] = dict(machine.personality)
    told["links"] = [{**link, "index": index} for index, link in enumerate(told.get("links", ()))]
    return dataclasses.replace(machine, personality=told)


def mark(template: Path, clone: str) -> None:
    """Say in the template's folder that `clone` stands on it."""
    (template / warm.CLONES).mkdir(exist_ok=True, mode=0o700)
    (template / warm.CLONES / clone).touch()


def refuse_template(desired: Vm, source: Image) -> None:
    """Raises Permanent for what cannot be a template."""
    if desired.clone_of:
        raise Permanent("a clone cannot be a template", path="/template", mend="Make a template of an image.")
    if desired.state != "running":
        text = f"a template is never {desired.state}: it is frozen when it is ready"
        raise Permanent(text, path="/state", mend="Leave the state out.")
    if not source.helper or (desired.ready is not None and desired.ready.by == "none"):
        text = "a template needs the guest helper: nobody else could make its clones machines of their own"
        raise Permanent(text, path="/template", mend="Take an image with the helper in it.")
    for index, one in enumerate(desired.disks or []):
        if one.format != "qcow2":
            text = "disks of a template are qcow2: only that can be cloned"
            raise Permanent(text, path=f"/disks/{index}/format", mend="format: qcow2")


def refuse_in_use(folder: Path, what: str) -> None:
    """Raises Permanent where a VM stands on the one in `folder`."""
    found = warm.clones(folder)
    if found:
        names = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
        text = f"the template {folder.name} cannot be {what}: {names} {'stand' if len(found) > 1 else 'stands'} on it"
        raise Permanent(text, mend="Remove its clones first, or declare another template beside it.")


def discard(folder: Path) -> None:
    """What was frozen goes, so that it is made anew. Raises Permanent where a clone stands on it."""
    refuse_in_use(folder, "changed")
    removal.cut(folder)
    for name in (warm.FROZEN, warm.DEVICES, warm.MEMORY):
        with contextlib.suppress(FileNotFoundError):
            (folder / name).unlink()
    for name in disks.present(folder):
        disks.remove(folder, name)


def make(folder: Path, machine: Machine, is_stopped: power.IsStopped) -> None:
    """Boot it, and freeze it when it is ready. Raises ProviderError."""
    if warm.frozen(folder) is not None:
        return
    removal.cut(folder)  # one that was begun is begun anew
    _prepare(folder, machine.memory)
    power.bring(folder, machine, "running", is_stopped)
    _freeze(folder)


def _prepare(folder: Path, memory: int) -> None:
    """Room for the memory, and none of an earlier try."""
    disks.refuse_full(folder, memory)
    (folder / warm.MEMORY).unlink() if (folder / warm.MEMORY).exists() else None


def _freeze(folder: Path) -> None:
    with contextlib.suppress(GuestError), Guest(folder / places.GUEST) as guest:
        guest.wait(5)
        guest.run(["sync"], seconds=_TO_DISK)  # for a clone that has to boot; a warm one has it in its memory
    try:
        client.ask(folder, "freeze", wait=300)
    except (client.Refusal, client.Unreachable) as error:
        raise Permanent(str(error), path="/template", mend="aivp vm logs --log supervisor says more.") from None


def _cards(desired: Vm) -> int:
    return 1 if desired.networks is None else len(desired.networks)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(getattr(one, "name", str(one)) for one in value) or "none"
    return "none" if value is None else str(value)


def _flaw(path: str, text: str, mend: str) -> Permanent:
    return Permanent(text, path=path, mend=mend)
