"""QEMU: a `Machine` → its command line. Pure: no clock, no environment, no file is looked at.

Machine `pc`, which never failed where it was measured (microvm hangs on a busy host). Nothing of the user's or the
distribution's configuration counts. Sockets lie in the folder of the VM, where the program runs, and have
short names: a path to one has 107 bytes at most.
"""

from __future__ import annotations

import json
from typing import Any, Dict, FrozenSet, List, Tuple

from aivp_vm.machine.spec import Boot, Card, Disk, Machine

MONITOR, CONSOLE, GUEST_PORT, VNC = "qmp.sock", "console.sock", "port.sock", "vnc.sock"
PID_FILE = "qemu.pid"
PORT_NAME = "org.aivp.guest.0"

abilities: FrozenSet[str] = frozenset({"forwards", "disks"})

_RAM = "pc.ram"
"""As QEMU calls memory that it makes itself: a snapshot of one fits the other."""
_SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"


def command(machine: Machine) -> Tuple[str, ...]:
    """Stopped before its first instruction (-S): the supervisor is at every door when it begins."""
    return (
        *_limited(machine),
        *("-name", f"guest={_escaped(machine.name)}", "-uuid", machine.instance),
        *("-nodefaults", "-no-user-config", "-sandbox", _SANDBOX, "-pidfile", PID_FILE, "-S"),
        *_platform(machine),
        *(["-incoming", "defer"] if machine.is_incoming else []),
        *_display(machine.vnc),
        *_doors(),
        *("-device", "virtio-rng-pci"),
        *_boot(machine.boot),
        *(word for disk in machine.disks for word in _disk(disk)),
        *(word for number, card in enumerate(machine.cards) for word in _card(number, card)),
    )


def netdev(number: int) -> str:
    """How the monitor calls what the card is plugged into."""
    return f"net{number}"


def node(disk: str) -> str:
    """How the monitor calls a disk."""
    return f"disk-{disk}"


def _limited(machine: Machine) -> List[str]:
    nice = ["nice", "-n", str(machine.limits.nice)] if machine.limits.nice else []
    return [*nice, machine.program]


def _platform(machine: Machine) -> List[str]:
    backend = f",memory-backend={_RAM}" if machine.ram else ""
    found = [
        *("-machine", f"pc,accel={machine.accelerator},usb=off,vmport=off,hpet=off{backend}"),
        *("-cpu", "host" if machine.accelerator == "kvm" else "max"),
        *("-smp", str(machine.cpus), "-m", f"size={machine.memory}b"),
    ]
    if machine.ram is not None:
        shared = "on" if machine.ram.is_shared else "off"
        memory = f"size={machine.memory},mem-path={_escaped(machine.ram.file)},share={shared}"
        found += ["-object", f"memory-backend-file,id={_RAM},x-use-canonical-path-for-ramblock-id=off,{memory}"]
    return found


def _display(vnc: str) -> List[str]:
    if not vnc:
        return ["-display", "none"]
    if vnc == "unix":
        return ["-device", "VGA", "-vnc", f"unix:{VNC}"]
    address, _, port = vnc.rpartition(":")
    return ["-device", "VGA", "-vnc", f"{address}:{int(port) - 5900}"]


def _doors() -> List[str]:
    """Monitor, console and guest port: whoever comes is served, one at a time; nobody being there stops nothing."""

    def socket(name: str, path: str) -> List[str]:
        return ["-chardev", f"socket,id={name},path={path},server=on,wait=off"]

    return [
        *(*socket("monitor", MONITOR), "-mon", "chardev=monitor,mode=control"),
        *(*socket("console", CONSOLE), "-serial", "chardev:console"),
        *(*socket("guest", GUEST_PORT), "-device", "virtio-serial-pci,id=ports"),
        *("-device", f"virtserialport,bus=ports.0,nr=1,chardev=guest,name={PORT_NAME}"),
    ]


def _boot(boot: Boot) -> List[str]:
    if boot.kernel:
        initrd = ["-initrd", boot.initrd] if boot.initrd else []
        return ["-kernel", boot.kernel, *initrd, "-append", boot.cmdline]
    if boot.firmware:
        code = f"if=pflash,format=raw,unit=0,readonly=on,file={_escaped(boot.firmware)}"
        return ["-drive", code, "-drive", f"if=pflash,format=raw,unit=1,file={_escaped(boot.variables)}"]
    return []


def _disk(disk: Disk) -> List[str]:
    backend: Dict[str, Any] = {
        "driver": disk.format,
        "node-name": node(disk.name),
        "file": {"driver": "file", "filename": disk.file},
    }
    if disk.is_read_only:
        backend["read-only"] = True
    else:
        backend["discard"] = "unmap"
    serial = f",serial={disk.serial}" if disk.serial else ""
    device = f"virtio-blk-pci,drive={node(disk.name)},id=blk-{disk.name}{serial}"
    return ["-blockdev", json.dumps(backend, sort_keys=True), "-device", device]


def _card(number: int, card: Card) -> List[str]:
    kind, comma, rest = card.netdev.partition(",")
    backend = f"{kind},id={netdev(number)}{comma}{rest}"
    return ["-netdev", backend, "-device", f"virtio-net-pci,netdev={netdev(number)},mac={card.mac},romfile="]


def _escaped(text: str) -> str:
    """Commas end a value in QEMU's words; doubled they are part of it."""
    return text.replace(",", ",,")
