"""A virtual machine as its driver starts it: what to run with which disks, cards and limits; a value, and its JSON.

Everything is resolved here: files exist, addresses are leased, the accelerator is known. No clock, no environment.
"""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple, Type, TypeVar

VERSION = 1
T = TypeVar("T")


@dataclass(frozen=True)
class Disk:
    """A block device, in the order of the guest's. file: absolute, or within the folder of the VM; format: qcow2, raw.

    serial: what the guest finds it by, in /dev/disk/by-id/virtio-SERIAL; 20 characters at most.
    """

    name: str
    file: str
    format: str
    serial: str = ""
    is_read_only: bool = False


@dataclass(frozen=True)
class Card:
    """A network card. netdev: the driver's words for what it is plugged into; `user` is a way out through the host."""

    mac: str
    netdev: str

    @property
    def is_user(self) -> bool:
        """True where the driver itself forwards ports to it."""
        return self.netdev.split(",")[0] == "user"


@dataclass(frozen=True)
class Forward:
    """A port of the host that leads to one of the guest's. card: index among the cards; address: empty for all."""

    card: int
    address: str
    listen: int
    port: int
    protocol: str = "tcp"

    @property
    def place(self) -> str:
        """What it takes of the host, as people write it."""
        return f"{self.address + ':' if self.address else ''}{self.listen}/{self.protocol}"


@dataclass(frozen=True)
class Boot:
    """How it begins: from a kernel, else from the first disk, by UEFI where `firmware` names its code, else by BIOS.

    variables: the VM's own copy of the firmware's variables.
    """

    kernel: str = ""
    initrd: str = ""
    cmdline: str = ""
    firmware: str = ""
    variables: str = ""


@dataclass(frozen=True)
class Ram:
    """Memory in a file. is_shared: what the guest writes reaches the file; else it stays its own (copy on write)."""

    file: str
    is_shared: bool


@dataclass(frozen=True)
class Limits:
    """nice: 0 to 19; cpu: percent of one core, memory: bytes; 0: no limit. The latter two need systemd on the host."""

    nice: int = 0
    cpu: int = 0
    memory: int = 0


@dataclass(frozen=True)
class Restart:
    """What follows when the VM ends without being told to. policy: never, on-failure, always.

    delay, max_delay: seconds before the first try and at most, doubled from try to try; limit: tries in a row.
    """

    policy: str = "never"
    delay: float = 1.0
    max_delay: float = 60.0
    limit: int = 10


@dataclass(frozen=True)
class Machine:
    """A whole VM. instance: its UUID, another one after a replacement; memory in bytes; vnc: `unix` or ADDRESS:PORT.

    has_helper: the guest helper is in it; ready: seconds within which it has to answer.
    is_incoming: its state comes over the monitor, instead of a boot.
    """

    name: str
    instance: str
    accelerator: str
    cpus: int
    memory: int
    boot: Boot
    program: str = "qemu-system-x86_64"
    disks: Tuple[Disk, ...] = ()
    cards: Tuple[Card, ...] = ()
    forwards: Tuple[Forward, ...] = ()
    vnc: str = ""
    limits: Limits = Limits()
    restart: Restart = Restart()
    has_helper: bool = False
    ready: float = 300.0
    ram: Optional[Ram] = None
    is_incoming: bool = False
    personality: Mapping[str, Any] = field(default_factory=dict)
    """What the guest helper is told of the machine that it is in: hostname, links with their addresses."""

    def form(self) -> Dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)


def read(form: Mapping[str, Any]) -> Machine:
    """The reverse of `form`; members that are unknown are left out, so that an older program reads a newer file."""
    return _read(Machine, form)


def _read(cls: Type[T], form: Mapping[str, Any]) -> T:
    hints = typing.get_type_hints(cls)
    names = [item.name for item in dataclasses.fields(typing.cast(Any, cls)) if item.name in form]
    return cls(**{name: _value(hints[name], form[name]) for name in names})


def _value(hint: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(hint):
        return _read(typing.cast(Type[Any], hint), value)
    if typing.get_origin(hint) is tuple:
        return tuple(_value(typing.get_args(hint)[0], item) for item in value)
    if typing.get_origin(hint) is typing.Union:
        return None if value is None else _value(typing.get_args(hint)[0], value)
    return value
