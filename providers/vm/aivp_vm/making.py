"""Declaration, image, leases → the `Machine` that the driver starts. Pure: what exists was made, or leased, before."""

from __future__ import annotations

from typing import List, Sequence

from aivp_sdk import Permanent

from . import disks, ports
from .declaration import DataDisk, Limits, Network, Ready, Restart, Vm
from .image import Image
from .machine import places, spec
from .machine.warm import MEMORY
from .ports import Lease

VARIABLES = "firmware-vars.fd"
OWN_WAY_OUT = (Network(),)
"""The cards of a VM that declares none."""


def networks(desired: Vm) -> Sequence[Network]:
    """Its declared cards."""
    return OWN_WAY_OUT if desired.networks is None else desired.networks


def machine(
    desired: Vm, instance: str, image: Image, leases: Sequence[Lease], accelerator: str, firmware: str
) -> spec.Machine:
    """The whole VM. firmware: the UEFI's code on this host. Raises Permanent where the image cannot boot like that."""
    limits, restart, ready = desired.limits or Limits(), desired.restart or Restart(), desired.ready or Ready()
    if ready.by == "helper" and not image.helper:
        raise Permanent("the image has no guest helper that could answer", path="/ready/by", mend="ready: {by: none}")
    return spec.Machine(
        name=desired.name,
        instance=instance,
        accelerator=accelerator,
        cpus=desired.cpus,
        memory=desired.memory,
        boot=_boot(desired, image, firmware),
        disks=_disks(image, desired.disks or []),
        cards=tuple(card for lease in leases for card in lease.cards),
        forwards=ports.forwards(networks(desired), leases),
        vnc=desired.vnc or "",
        limits=spec.Limits(limits.nice or 0, limits.cpu or 0, limits.memory or 0),
        restart=spec.Restart(restart.policy, float(restart.delay), float(restart.max_delay), restart.limit),
        has_helper=image.helper and ready.by != "none",
        ready=float(ready.timeout),
        ram=spec.Ram(MEMORY, is_shared=True) if desired.template else None,
        personality={
            "hostname": desired.hostname or desired.name,
            "instance": instance,
            "links": [dict(link) for lease in leases for link in lease.links],
        },
    )


def way(desired: Vm, image: Image) -> str:
    """kernel, firmware or bios. Raises Permanent where the image has no such way."""
    if desired.boot == "kernel" or (desired.boot == "auto" and image.kernel):
        if not image.kernel:
            raise Permanent("the image has no kernel to boot", path="/boot", mend="boot: auto takes what it has.")
        return "kernel"
    if not image.disk or not image.firmware:
        raise Permanent("the image has no disk that boots by itself", path="/boot", mend="boot: kernel")
    return "bios" if desired.boot == "bios" else "firmware"


def needs_restart(before: spec.Machine, after: spec.Machine) -> bool:
    """Whether a running VM would not be what `after` says: all but ports and patience is fixed at its start."""
    free = {"forwards", "restart", "ready", "ram", "is_incoming"}
    one, other = before.form(), after.form()
    return any(one[name] != other[name] for name in one if name not in free)


def _boot(desired: Vm, image: Image, firmware: str) -> spec.Boot:
    found = way(desired, image)
    if found == "kernel":
        words = " ".join(word for word in (image.cmdline, desired.cmdline or "") if word)
        return spec.Boot(kernel=image.kernel, initrd=image.initrd, cmdline=words)
    if desired.cmdline:
        raise Permanent("only a kernel that is booted directly takes words", path="/cmdline", mend="boot: kernel")
    return spec.Boot(firmware=firmware, variables=VARIABLES) if found == "firmware" else spec.Boot()


def _disks(image: Image, wanted: Sequence[DataDisk]) -> tuple[spec.Disk, ...]:
    found: List[spec.Disk] = []
    if image.disk:
        found.append(spec.Disk(disks.ROOT, disks.file_of(disks.ROOT, "qcow2"), "qcow2", disks.ROOT))
    found += [spec.Disk(one.name, disks.file_of(one.name, one.format), one.format, one.name) for one in wanted]
    if image.cloud_init:
        found.append(spec.Disk("seed", places.SEED, "raw", "seed", is_read_only=True))
    return tuple(found)
