"""Brings one VM to its declaration, or away: every step can be done again, so whoever was killed is simply asked again.

Order of a creation: record, image checked and marked, leases, disks, seed, start, ready. Of an end: power, leases,
mark, folder. The record comes first and goes last, so nothing is ever there that it does not lead to.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from aivp_sdk import Permanent, ProviderError, Temporary

from . import acceleration, disks, firmware, image, making, ports, program, record, seed, templates
from .declaration import Vm
from .drivers import qemu
from .machine import client, places, state, warm
from .machine.holders import holder
from .machine.spec import Machine
from .record import Record

VMS = "vms"
MIN_FREE = 64 * 1024 * 1024
"""Bytes that must be left on the disk before a VM begins: its overlay starts with less, and grows at once."""
_KILLED_WITHIN = 10.0
_SHUT_DOWN = 60.0


@dataclass(frozen=True)
class Place:
    """Where VMs are kept: `directory`, with `vms` in it; code: the firmware that was configured, or empty."""

    directory: Path
    code: str = ""

    def folder(self, name: str) -> Path:
        """The folder of a VM."""
        return self.directory / VMS / name


def bring(place: Place, desired: Vm, declared: Mapping[str, Any], is_new: bool) -> Record:
    """Make it so. declared: what may be kept on the disk of it. A VM that cannot be made leaves nothing behind.

    Raises ProviderError.
    """
    folder = place.folder(desired.name)
    try:
        found = _made(place, folder, desired, declared)
        _run(folder, found, desired)
    except (ProviderError, OSError) as error:
        if is_new:
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
        dataclasses.replace(found, is_going=True).write(folder)
    if folder.is_dir():
        cut(folder)
    for network in found.networks if found is not None else ():
        ports.detach(name, network)
    if found is not None and found.image:
        image.unmark(Path(found.image), name)
    if found is not None and found.template:
        templates.unmark(Path(found.template), name)
    for part in (places.DISKS,):
        shutil.rmtree(folder / part, ignore_errors=True)
    if folder.is_dir():
        gone = folder.with_name(f".{name}.gone")
        shutil.rmtree(gone, ignore_errors=True)
        folder.rename(gone)  # what is listed is whole
        shutil.rmtree(gone, ignore_errors=True)
    program.prune(place.directory, _folders(place))


def cut(folder: Path) -> None:
    """Its power, and its supervisor's, at once; whether they answer or not."""
    with contextlib.suppress(client.Refusal, client.Unreachable):
        if holder(folder / places.LOCK) is not None:
            client.ask(folder, "stop", wait=30, force=True, timeout=0)
    for lock in (places.LOCK, qemu.PID_FILE):
        _end(folder / lock)


def shut_down(folder: Path) -> None:
    """Shut it down cleanly."""
    _ask(folder, "stop", wait=_SHUT_DOWN + 60, timeout=_SHUT_DOWN)


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
        _refuse_as_template(desired, source, folder, before)
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
    program.link(folder, program.install(place.directory))
    _write_enter(folder)
    leases = _leases(folder, desired, before, networks)
    code = _firmware(place, folder, desired, source)
    machine = making.machine(desired, before.instance, source, leases, _accelerator(place, desired, source), code)
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
        shut_down(folder)
    for name in gone:
        disks.remove(folder, name)


def _grow(folder: Path, path: Path, kind: str, name: str, size: int, where: str, is_running: bool) -> None:
    if not is_running:
        disks.grow(path, kind, size, where)
    else:
        disks.refuse_shrinking(path, size, where)
        if disks.size(path) != size:
            _ask(folder, "grow", disk=name, size=size)


def _change_live(folder: Path, before: Optional[Machine], after: Machine) -> None:
    """What a running VM can take as it runs; it is shut down for anything else."""
    if holder(folder / qemu.PID_FILE) is None:
        return
    if before is None or making.needs_restart(before, after):
        shut_down(folder)
    elif list(state.read(folder).forwards) != list(after.forwards):
        _ask(folder, "forward", forwards=[dataclasses.asdict(one) for one in after.forwards])


def _run(folder: Path, found: Record, desired: Vm) -> None:
    """Running, paused or stopped, as it shall be."""
    assert found.machine is not None
    seen = state.look(folder)
    if desired.template:
        if warm.frozen(folder) is None:
            cut(folder)
            templates.prepare(folder, desired.memory)
            _ask(folder, "start", wait=180, paused=False)
            _await(folder, found.machine)
            templates.freeze(folder)
        return
    if desired.state == "stopped":
        if seen.pid is not None or seen.supervisor is not None:
            _ask(folder, "stop", wait=_SHUT_DOWN + 60, timeout=_SHUT_DOWN)
        return
    status = _ask(folder, "start", wait=180, paused=False)["status"]
    if status == "paused" and desired.state == "running":
        _ask(folder, "resume")
    if desired.state == "paused" and status != "paused":
        _await(folder, found.machine)
        _ask(folder, "pause")
    elif desired.state == "running":
        _await(folder, found.machine)


def _await(folder: Path, machine: Machine) -> None:
    try:
        client.ask(folder, "wait", wait=machine.ready + 30, timeout=machine.ready)
    except (client.Refusal, client.Unreachable) as error:
        raise Permanent(
            f"{machine.name} did not get ready: {error}. Its console ends with: {_last_of_console(folder)}",
            path="/ready",
            mend="aivp vm logs shows all that it said; ready: {timeout: 10m} waits longer.",
        ) from None


def _last_of_console(folder: Path) -> str:
    try:
        lines = (folder / places.CONSOLE_LOG).read_bytes()[-2000:].decode(errors="replace").splitlines()
    except OSError:
        lines = []
    kept = [line.strip() for line in lines if line.strip()]
    return " | ".join(kept[-3:]) or "nothing"


def _ask(folder: Path, verb: str, **arguments: Any) -> Dict[str, Any]:
    try:
        found: Dict[str, Any] = client.ask(folder, verb, **arguments)
    except client.Refusal as error:
        raise _refusal(str(error)) from None
    except client.Unreachable as error:
        raise Temporary(str(error)) from None
    return found


def _refusal(text: str) -> Permanent:
    if "cannot be forwarded" in text:
        return Permanent(text, path="/networks", mend="Choose another port, or stop what listens there.")
    if "cannot be started: No such file" in text:
        return Permanent("there is no qemu-system-x86_64", mend="apt-get install qemu-system-x86")
    if "allocate" in text or "set up guest memory" in text:
        return Permanent(text, path="/memory", mend="Declare less memory, or stop other VMs.")
    return Permanent(text, mend="aivp vm logs --log supervisor says more.")


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


def _end(lock: Path) -> None:
    """Kill whoever holds the lock, and wait for its end."""
    deadline = time.monotonic() + _KILLED_WITHIN
    while time.monotonic() < deadline:
        pid = holder(lock)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    raise Temporary(f"a process of the VM that holds {lock.name} cannot be killed")


def _refuse_as_template(desired: Vm, source: image.Image, folder: Path, before: Optional[Record]) -> None:
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
    if before is not None and before.is_made:
        cut(folder)
        templates.discard(folder)  # what is frozen cannot be changed, so it is made anew


def _refuse_reserved(desired: Vm) -> None:
    names = [one.name for one in desired.disks or []]
    for index, name in enumerate(names):
        if name in (disks.ROOT, "seed") or names.count(name) > 1:
            raise Permanent(f"a disk cannot be called {name} here", path=f"/disks/{index}/name", mend="Rename it.")


def _folders(place: Place) -> List[Path]:
    vms = place.directory / VMS
    return sorted(path.parent for path in vms.glob(f"*/{places.SPEC}"))


def _of_disk(error: OSError) -> Permanent:
    return Permanent(f"{error.filename or 'a file'}: {error.strerror}", mend="Make room, or make it writable.")
