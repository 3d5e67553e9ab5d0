"""What an `image` may declare: exactly one source, and what every source shares. Only dataclasses; no work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Literal, Optional

from aivp_sdk import attribute

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
ACCOUNT = r"^[a-z_][a-z0-9_-]{0,30}$"
PACKAGE = r"^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[A-Za-z0-9.+~:-]+)?$"
SHA256 = r"^(sha256:)?[0-9a-f]{64}$"
SHA512 = r"^(sha512:)?[0-9a-f]{128}$"
SOURCES = ("debian", "oci", "source", "vm")
GIB = 1024**3


@dataclass
class File:
    """A file, directory or symbolic link that is put into the image."""

    path: str = attribute("Where it is put.", required=True, pattern="^/", semantic="path")
    content: Optional[str] = attribute("Its text.")
    source: Optional[str] = attribute("A file or folder on this host to copy, instead of `content`.", semantic="path")
    link: Optional[str] = attribute("Where a symbolic link points to, instead of `content`.")
    mode: Optional[str] = attribute("Its permissions; else 0644, 0755 for folders.", pattern="^[0-7]{3,4}$")
    sha256: Optional[str] = attribute("The digest of `source`; a plan shows here that it changed.")
    owner: str = attribute("USER or USER:GROUP, as the image knows them.", default="root:root")


@dataclass
class Account:
    """A user of the image."""

    name: str = attribute("The login name.", required=True, pattern=ACCOUNT)
    password: Optional[str] = attribute("The hash of the password; else there is none, and keys let in.")
    ssh_keys: Optional[List[str]] = attribute("Public keys that let in.")
    sudo: bool = attribute("May do everything as root, without a password.", default=False)
    groups: Optional[List[str]] = attribute("Further groups.")
    uid: Optional[int] = attribute("The user id; else the next free one.", minimum=0, maximum=2**32 - 2)
    shell: str = attribute("The login shell.", default="/bin/bash")


@dataclass
class Hook:
    """A command that runs inside the image, after everything else."""

    argv: Optional[List[str]] = attribute("The program and its arguments.", min_items=1)
    shell: Optional[str] = attribute("A script for /bin/sh, instead of `argv`.")


@dataclass
class Debian:
    """An image that is built from Debian packages."""

    suite: str = attribute("Such as bookworm.", required=True, pattern="^[a-z][a-z0-9.-]*$")
    mirror: str = attribute("Where its archive is.", default="http://deb.debian.org/debian")
    components: List[str] = attribute("Parts of the archive.", default=["main"], min_items=1)
    sources: Optional[List[str]] = attribute(
        "Lines of sources.list, such as those of security updates; they stand beside `mirror`, which may be empty then."
    )
    keyring: Optional[str] = attribute("A file on this host with the keys that the archive is signed with.")
    packages: List[str] = attribute("What is installed beside what a guest needs; NAME or NAME=VERSION.", default=[])
    versions: Optional[Dict[str, str]] = attribute(
        "Exact versions of packages. A plan shows here what `upgrades: follow` would change."
    )
    recommends: bool = attribute("Also install what packages recommend.", default=False)
    variant: Literal["minbase", "apt", "essential", "standard"] = attribute(
        "How much is there before `packages`, as mmdebstrap names it.", default="minbase"
    )
    architecture: Optional[str] = attribute("As dpkg names it; else that of this host.", pattern="^[a-z0-9]+$")
    kernel: Optional[str] = attribute("The package of the kernel; else Debian's cloud kernel.", pattern=PACKAGE)
    slim: bool = attribute(
        "Leave out documentation, manual pages and translations, also of packages that are installed later.",
        default=True,
    )
    hostname: str = attribute("The name of a guest that nobody gave one.", default="localhost", pattern=NAME)
    files: Optional[List[File]] = attribute("What is put into the image after its packages.")
    users: Optional[List[Account]] = attribute("Accounts beside those of its packages.")
    hooks: Optional[List[Hook]] = attribute("Commands that run inside the image at last.")
    helper: bool = attribute("Whether the guest helper is in it.", default=True)


@dataclass
class Oci:
    """An image made of an OCI image layout."""

    path: str = attribute("The folder of the layout, or a tar archive of it.", required=True, semantic="path")
    tag: Optional[str] = attribute("Which of its images; else the only one.")
    digest: Optional[str] = attribute("The manifest's digest; else whatever `tag` names now.", pattern=SHA256)
    kernel: Optional[str] = attribute(
        "An image's folder (its `path`) whose kernel and initramfs it boots with; else those in the layers' /boot."
    )
    init: Optional[str] = attribute(
        "What runs as process 1; else its systemd, else the guest helper, else its /sbin/init.", pattern="^/[^ ]*$"
    )
    root: Literal["disk", "initramfs"] = attribute(
        "Where guests have it: on an ext4 disk, or whole in memory.", default="disk"
    )
    helper: bool = attribute("Whether the guest helper is put into it.", default=True)


@dataclass
class Source:
    """A disk image that exists: a file or an address, and the digest that it must have."""

    path: Optional[str] = attribute("A file on this host.", semantic="path")
    url: Optional[str] = attribute("An address, http or https.", pattern="^https?://")
    sha256: Optional[str] = attribute("Its SHA-256.", pattern=SHA256)
    sha512: Optional[str] = attribute("Its SHA-512.", pattern=SHA512)
    format: Optional[Literal["qcow2", "raw"]] = attribute("What it is; else as its first bytes say.")
    kernel: Optional[str] = attribute("A kernel file on this host to boot it with.", semantic="path")
    initrd: Optional[str] = attribute("The initramfs that goes with `kernel`.", semantic="path")
    helper: bool = attribute("It has the guest helper.", default=False)
    cloud_init: bool = attribute("It reads a cloud-init seed.", default=True)


@dataclass
class Machine:
    """An image made of the disk of a VM that exists."""

    path: str = attribute("The folder of the VM (its `path`), or a disk of it.", required=True, semantic="path")
    snapshot: Optional[str] = attribute("A snapshot of the disk; else as it is. The VM must not run.")


@dataclass
class Disk:
    """The disk that every VM of the image begins with."""

    size: int = attribute("How large it looks.", default=4 * GIB, semantic="quantity", minimum=64 * 1024**2)
    format: Literal["qcow2", "raw"] = attribute("How its bytes lie on this host.", default="qcow2")
    compress: bool = attribute("Whether a qcow2 is compressed (zstd).", default=True)


@dataclass
class Image:
    """The declaration."""

    name: str = attribute("Tells it apart on its host.", required=True, pattern=NAME)
    debian: Optional[Debian] = attribute("Build it from Debian packages.")
    oci: Optional[Oci] = attribute("Make it of an OCI image layout.")
    source: Optional[Source] = attribute("Take a disk image that exists.")
    vm: Optional[Machine] = attribute("Make it of the disk of a VM.")
    disk: Optional[Disk] = attribute("Its disk. For a disk that exists: what to make of it; else it stays as it is.")
    modules: List[str] = attribute("Kernel modules that the initramfs loads beside virtio's.", default=[], set=True)
    cmdline: List[str] = attribute("Words added to the kernel's command line.", default=[])
    boot: Literal["kernel", "firmware"] = attribute(
        "kernel: QEMU loads kernel and initramfs from beside the disk. firmware: the disk also boots by itself (UEFI).",
        default="kernel",
    )
    upgrades: Literal["keep", "tell", "follow"] = attribute(
        "What newer packages of the mirror mean. keep: nothing, nobody asks. tell: a line beside the plan. "
        "follow: a new image.",
        default="keep",
    )
    path: Optional[str] = attribute("The image's folder in the store.", computed=True)
    digest: Optional[str] = attribute("What it is made of, as a digest.", computed=True)
    format: Optional[str] = attribute("The format of the disk.", computed=True)
    size: Optional[int] = attribute("How large the disk looks, in bytes.", computed=True)
    architecture: Optional[str] = attribute("Such as x86_64.", computed=True)
    kernel: Optional[str] = attribute("The version of the kernel beside the disk, if there is one.", computed=True)
