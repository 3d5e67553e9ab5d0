"""What a `vm` may declare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Literal, Optional, Union

from aivp_sdk import attribute

MIB = 1024 * 1024
NAME = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"


@dataclass
class Forward:
    """A port of the host that leads to one of the VM's."""

    listen: Union[int, str] = attribute(
        'Port of the host, for connections from the host itself; or "ADDRESS:PORT", as 0.0.0.0:8080 for everybody.',
        required=True,
        examples=[8080, "0.0.0.0:8080"],
    )
    port: int = attribute("Port of the VM.", required=True, minimum=1, maximum=65535)
    protocol: Literal["tcp", "udp"] = attribute("Protocol.", default="tcp")


@dataclass
class Network:
    """A network card."""

    network: Optional[str] = attribute(
        "The network that it is plugged into. Without one the card is a way out that needs no privilege.",
        refers={"kind": "network", "field": "path", "here": True},
    )
    address: Optional[str] = attribute("Its IPv4 address; without one the network chooses.")
    address6: Optional[str] = attribute("Its IPv6 address; without one the network chooses.")
    mac: Optional[str] = attribute(
        "Its hardware address; without one it follows from names.", pattern="^[0-9a-f]{2}(:[0-9a-f]{2}){5}$"
    )
    forwards: Optional[List[Forward]] = attribute("Ports of the host that lead to it; they change live.")


@dataclass
class DataDisk:
    """A disk beside the first."""

    name: str = attribute(
        "Its name, by which the VM finds it: /dev/disk/by-id/virtio-NAME.",
        required=True,
        pattern="^[a-z][a-z0-9_-]{0,19}$",
    )
    size: int = attribute("Its size; it grows in place and never shrinks.", required=True, semantic="quantity")
    format: Literal["qcow2", "raw"] = attribute("Its format on the host.", default="qcow2")


@dataclass
class User:
    """An account that cloud-init makes."""

    name: str = attribute("Its name.", required=True)
    keys: Optional[List[str]] = attribute("Public SSH keys that may log in.")
    sudo: bool = attribute("It may do everything, without a password.", default=False)
    shell: Optional[str] = attribute("Its shell.", default="/bin/bash")
    groups: Optional[List[str]] = attribute("Further groups.")
    password_hash: Optional[str] = attribute("A crypt(3) hash; without one it has no password.")


@dataclass
class SeedFile:
    """A file that cloud-init writes."""

    path: str = attribute("Where.", required=True, semantic="path")
    content: str = attribute("What.", required=True, text=True)
    mode: str = attribute("Its mode.", default="0644", semantic="mode")
    owner: Optional[str] = attribute("USER:GROUP.")


@dataclass
class CloudInit:
    """What an image with cloud-init is told at its first boot."""

    users: Optional[List[User]] = attribute("Accounts.")
    keys: Optional[List[str]] = attribute("Public SSH keys for the image's own account.")
    files: Optional[List[SeedFile]] = attribute("Files.")
    run: Optional[List[str]] = attribute("Shell commands, at the end of the first boot.")
    packages: Optional[List[str]] = attribute("Packages.")
    extra: Optional[Any] = attribute("Anything else of a cloud-config.")


@dataclass
class Limits:
    """How much of the host it may take."""

    nice: Optional[int] = attribute("Priority on the host: 19 gives way to everybody.", minimum=0, maximum=19)
    cpu: Optional[int] = attribute("Percent of one core, where the host has systemd.", minimum=1)
    memory: Optional[int] = attribute("Bytes that QEMU may hold, where the host has systemd.", semantic="quantity")


@dataclass
class Restart:
    """What happens when it ends without being told to."""

    policy: Literal["never", "on-failure", "always"] = attribute(
        "When its supervisor starts it again by itself; `never` leaves that to the next apply.", default="never"
    )
    delay: int = attribute(
        "Wait this long before the first try; the double before each further one.", default=1, semantic="duration"
    )
    max_delay: int = attribute("Wait no longer than this.", default=60, semantic="duration")
    limit: int = attribute("Tries in a row before it is given up.", default=10, minimum=1)


@dataclass
class Ready:
    """When it counts as there."""

    by: Literal["auto", "helper", "none"] = attribute(
        "`helper`: the guest helper has answered. `auto`: that, where the image has one.", default="auto"
    )
    timeout: int = attribute("How long that may take.", default=300, semantic="duration")


@dataclass
class Vm:
    """The declaration."""

    name: str = attribute("Its name on the host.", required=True, pattern=NAME, exposed=True)
    image: Optional[str] = attribute(
        "The image that it is a linked clone of, or the folder of one; a clone of a template has the template's.",
        semantic="path",
        immutable=True,
        exposed=True,
        refers={"kind": "image", "field": "path", "here": True},
    )
    template: bool = attribute(
        "It boots once and is frozen when it is ready, for others to be clones of it. It never runs again.",
        default=False,
        immutable=True,
    )
    clone_of: Optional[str] = attribute(
        "The template that it starts from, disks and memory: it does not boot, and is itself before it is ready."
        " What it has is the template's, unless it says the same.",
        semantic="path",
        immutable=True,
        refers={"kind": "vm", "field": "path", "here": True},
    )
    state: Literal["running", "stopped", "paused", "absent"] = attribute("How it shall be.", default="running")
    cpus: int = attribute("Processors. A change restarts it.", default=1, minimum=1, maximum=255)
    memory: int = attribute("Memory. A change restarts it.", default=512 * MIB, semantic="quantity", minimum=16 * MIB)
    root_size: Optional[int] = attribute(
        "Size of its first disk, no less than the image's; it grows in place and never shrinks.", semantic="quantity"
    )
    disks: Optional[List[DataDisk]] = attribute(
        "Further disks. One that is no longer declared goes, with what is on it. A new one restarts the VM.",
        key="name",
        exposed=True,
    )
    networks: Optional[List[Network]] = attribute(
        "Network cards, in order. Undeclared: one way out, without privileges; an empty list: none."
        " Forwards change live, anything else restarts it.",
        exposed=True,
    )
    hostname: Optional[str] = attribute(
        "Its name for itself; without one, its name here.",
        pattern="^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$",
        exposed=True,
    )
    boot: Literal["auto", "kernel", "firmware", "bios"] = attribute(
        "From the image's kernel, or from its disk by UEFI or BIOS; `auto` takes the first that the image has.",
        default="auto",
        immutable=True,
    )
    cmdline: Optional[str] = attribute("Words to add to the kernel's command line. A change restarts it.", exposed=True)
    cloud_init: Optional[CloudInit] = attribute(
        "For images with cloud-init; it is heard once, so a change takes a new VM.", write_only=True, immutable=True
    )
    vnc: Optional[str] = attribute(
        "A screen: `unix` for vnc.sock in its folder, or 127.0.0.1:PORT. A change restarts it.",
        exposed=True,
        pattern="^(unix|(127\\.0\\.0\\.1|localhost):(59[0-9]{2}|[6-9][0-9]{3}))$",
    )
    limits: Optional[Limits] = attribute("How much of the host it may take. A change restarts it.")
    restart: Optional[Restart] = attribute("What happens when it ends by itself.")
    ready: Optional[Ready] = attribute("When it counts as there.")
    acceleration: Literal["auto", "kvm", "tcg"] = attribute(
        "`auto` takes KVM where a kernel really boots with it. A change restarts it.", default="auto"
    )
    instance: Optional[str] = attribute("Its UUID; a replacement has another one.", computed=True)
    address: Optional[str] = attribute(
        "The IPv4 address of the first card on a network; null without one.", computed=True
    )
    address6: Optional[str] = attribute(
        "The IPv6 address of the first card that has one; empty where its networks have none.", computed=True
    )
    addresses: Optional[List[str]] = attribute("All its addresses on its networks.", computed=True)
    mac: Optional[str] = attribute("The hardware address of its first card.", computed=True)
    host_keys: Optional[List[str]] = attribute(
        "Its public SSH host keys, as the guest helper told them.", computed=True
    )
    accelerator: Optional[str] = attribute("What it runs with: kvm or tcg.", computed=True)
    path: Optional[str] = attribute("Its folder on the host.", computed=True)
    channel: Optional[List[str]] = attribute("The way in; null while it does not run.", computed=True)


@dataclass
class Configuration:
    """`providers: vm:`."""

    folder: Optional[str] = attribute("Where VMs are kept.", semantic="path")
    firmware: Optional[str] = attribute("The UEFI's code; OVMF_VARS lies beside it.", semantic="path")
