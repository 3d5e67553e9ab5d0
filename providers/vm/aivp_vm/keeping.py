"""Brings one VM to its declaration, or away: every step can be done again, so whoever was killed is simply asked again.

Order of a creation: record, image checked and marked, leases, disks, seed, start, ready. Of an end: power, leases,
mark, folder. The record comes first and goes last, so nothing is ever there that it does not lead to.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Mapping, Optional

from aivp_sdk import Canceled, Permanent, ProviderError, Temporary

from . import acceleration, disks, firmware, image, making, ports, power, program, record, seed, templates
from .declaration import Vm
from .drivers import qemu
from .machine import places, removal, state, warm
from .machine.holders import holder
from .machine.spec import Machine
from .record import Record

VMS = "vms"
MIN_FREE = 64 * 1024 * 1024
"""Bytes that must be left on the disk before a VM begins: its overlay starts with less, and grows at once."""


@dataclass(frozen=True)
class Place:
    """Where VMs are kept: `directory`, with `vms` in it; code: the firmware that was configured, or empty."""

    directory: Path
    code: str = ""

    def folder(self, name: str) -> Path:
        """The folder of a VM."""
        return self.directory / VMS / name


def bring(place: Place, desired: Vm, declared: Mapping[str, Any], is_new: bool, is_stopped: power.IsStopped) -> Record:
    """Make it so. declared: what may be kept on the disk of it. A VM that cannot be made leaves nothing behind.

    Raises ProviderError, Canceled where the run is being stopped meanwhile.
    """
    folder = place.folder(desired.name)
    try:
        found = _made(place, folder, desired, declared)
        assert found.machine is not None
        if desired.template:
            templates.make(folder, found.machine, is_stopped)
        else:
            power.bring(folder, found.machine, desired.state, is_stopped)
    except Canceled:
        raise
    except (ProviderError, OSError) as error:
        if is_new:
            with contextlib.suppress(ProviderError):  # the first error is the one to tell
                remove(place, desired.name)
        if isinstance(error, ProviderError):
            raise
        raise _of_disk(error) from None
    return found


def remove(place: Place, name: str) -> None:
    """Away with the VM and all that was made for it. What is gone already is fine."""
    folder = place.folder(name)
    found = record.read(folder)
    templates.refuse_in_use(folder, "removed")
    if found is not None:
        with contextlib.suppress(OSError):  # a full disk must not keep anything alive
            dataclasses.replace(found, is_going=True).write(folder)
    try:
        removal.remove(folder)
    except OSError as error:
        raise Temporary(f"{name} cannot be removed: {error.strerror or error}") from None
    program.prune(place.directory, lambda: _folders(place))
    with contextlib.suppress(OSError):
        folder.parent.rmdir()  # where it was the last one


def _made(place: Place, folder: Path, desired: Vm, declared: Mapping[str, Any]) -> Record:
    """All that it needs to be started, and the record of it."""
    before = record.read(folder)
    origin, asked = None, desired
    if desired.clone_of and (before is None or not before.is_made):
        origin = templates.find(desired.clone_of)
        desired = templates.inherited(desired, origin)
    elif desired.clone_of and before is not None:
        desired = templates.as_before(desired, before)
    declared = {**declared, **templates.taken(asked, desired)}
    if desired.image is None:
        raise Permanent("it is of no image, and no clone", path="/image", mend="Refer to an image, or to a template.")
    source = image.read(Path(desired.image))
    making.way(desired, source)
    _refuse_reserved(desired)
    if desired.template:
        templates.refuse_template(desired, source)
        if before is not None and before.is_made:
            templates.discard(folder)  # what is frozen cannot be changed, so it is made anew
    if desired.root_size is not None and not source.disk:
        raise Permanent("the image has no disk that could have a size", path="/root_size", mend="Declare disks.")
    if before is None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        disks.refuse_full(folder, MIN_FREE)
        before = Record(instance=str(uuid.uuid4()))
    networks = tuple(sorted({one.network for one in making.networks(desired) if one.network}))
    everywhere = tuple(sorted({*before.networks, *networks}))
    record_ = dataclasses.replace(
        before, image=str(source.folder), networks=everywhere, is_going=False, template=desired.clone_of or ""
    )
    record_.write(folder)
    if desired.clone_of:
        templates.mark(Path(desired.clone_of), desired.name)
    image.mark(source.folder, desired.name)
    image.verify(source.folder, place.directory)
    program.bring(place.directory, folder)
    _write_enter(folder)
    leases = _leases(folder, desired, before, networks)
    accelerator = origin.machine.accelerator if origin is not None and desired.acceleration == "auto" else ""
    accelerator = accelerator or _accelerator(place, desired, source)
    code = _firmware(place, folder, desired, source)
    machine = making.machine(desired, before.instance, source, leases, accelerator, code)
    if desired.clone_of:
        machine = templates.links(machine)
        if before.is_made and dict(declared) != dict(before.declared):
            warm.spend(folder)  # it is no longer as its template was, so it has to boot
    cold = ""
    if origin is not None:
        cold = templates.cold(origin, machine)
        templates.make_disks(folder, origin)
    _disks(folder, desired, source, before)
    if origin is not None and not cold:
        templates.grant(folder, origin)
    if not desired.clone_of and source.cloud_init and (not before.is_made or not (folder / places.SEED).exists()):
        personality = machine.personality
        seed.write(
            folder / places.SEED,
            seed.documents(before.instance, personality["hostname"], desired.cloud_init, personality["links"]),
        )
    _change_live(folder, before.machine, machine)
    found = dataclasses.replace(
        record_,
        declared=dict(declared),
        machine=machine,
        networks=networks,
        addresses=tuple(one for lease in leases for one in (lease.address, lease.address6) if one),
        is_made=True,
        cold=cold,
        inherited=before.inherited if origin is None else templates.kept(desired),
    )
    found.write(folder)
    return found


def _leases(folder: Path, desired: Vm, before: Record, networks: tuple[str, ...]) -> List[ports.Lease]:
    for gone in sorted(set(before.networks) - set(networks)):
        ports.detach(desired.name, gone)
    return [ports.attach(desired.name, index, one, folder) for index, one in enumerate(making.networks(desired))]


def _accelerator(place: Place, desired: Vm, source: image.Image) -> str:
    if desired.acceleration != "auto":
        if desired.acceleration == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
            raise Permanent(
                "there is no /dev/kvm that may be used here", path="/acceleration", mend="acceleration: auto"
            )
        return desired.acceleration
    return acceleration.accelerator(place.directory, Machine.program, source.kernel)


def _firmware(place: Place, folder: Path, desired: Vm, source: image.Image) -> str:
    if making.way(desired, source) != "firmware":
        return ""
    code, variables = firmware.find(place.code)
    own = folder / making.VARIABLES
    if not own.exists():
        draft = own.with_name(f".{own.name}")
        shutil.copyfile(variables, draft)
        draft.replace(own)
    return str(code)


def _disks(folder: Path, desired: Vm, source: image.Image, before: Record) -> None:
    """All disks, as large as they shall be; a running VM grows its own, later."""
    is_running = holder(folder / qemu.PID_FILE) is not None
    wanted = {one.name: one for one in desired.disks or []}
    if source.disk:
        path = folder / disks.make_root(folder, source)
        if desired.root_size is not None:
            _grow(folder, path, "qcow2", disks.ROOT, desired.root_size, "/root_size", is_running)
    for index, one in enumerate(desired.disks or []):
        path = folder / disks.make(folder, one.name, one.format, one.size)
        known = before.machine is not None and any(disk.name == one.name for disk in before.machine.disks)
        _grow(folder, path, one.format, one.name, one.size, f"/disks/{index}/size", is_running and known)
    gone = [name for name in disks.present(folder) if name not in wanted and name != disks.ROOT]
    if gone and is_running:
        power.shut_down(folder)
    for name in gone:
        disks.remove(folder, name)


def _grow(folder: Path, path: Path, kind: str, name: str, size: int, where: str, is_running: bool) -> None:
    if not is_running:
        disks.grow(path, kind, size, where)
    else:
        disks.refuse_shrinking(path, size, where)
        if disks.size(path) != size:
            power.ask(folder, "grow", disk=name, size=size)


def _change_live(folder: Path, before: Optional[Machine], after: Machine) -> None:
    """What a running VM can take as it runs; it is shut down for anything else."""
    if holder(folder / qemu.PID_FILE) is None:
        return
    if before is None or making.needs_restart(before, after):
        power.shut_down(folder)
    elif list(state.read(folder).forwards) != list(after.forwards):
        power.ask(folder, "forward", forwards=[dataclasses.asdict(one) for one in after.forwards])


def _write_enter(folder: Path) -> None:
    """The way in: a program of its own name, whatever copy of the code it leads to."""
    text = (
        '"""Runs a command within this VM: enter.py ARGV…"""\n'
        "import os, sys\n"
        "here = os.path.dirname(os.path.realpath(__file__))\n"
        f'sys.path.insert(0, os.path.join(here, "{places.PROGRAM}"))\n'
        "from aivp_vm.machine.enter import main\n"
        "sys.exit(main(here, sys.argv[1:]))\n"
    )
    path = folder / places.ENTER
    if not path.exists() or path.read_text() != text:
        draft = path.with_name(f".{path.name}")
        draft.write_text(text)
        draft.replace(path)


def _refuse_reserved(desired: Vm) -> None:
    names = [one.name for one in desired.disks or []]
    for index, name in enumerate(names):
        if name in (disks.ROOT, "seed") or names.count(name) > 1:
            raise Permanent(f"a disk cannot be called {name} here", path=f"/disks/{index}/name", mend="Rename it.")


def _folders(place: Place) -> List[Path]:
    """Of all VMs, also of those that are being made."""
    vms = place.directory / VMS
    return sorted(path.parent for path in vms.glob(f"*/{places.SPEC}"))


def _of_disk(error: OSError) -> Permanent:
    return Permanent(f"{error.filename or 'a file'}: {error.strerror}", mend="Make room, or make it writable.")
