"""A root, and the kernel and initramfs beside it in the draft → `disk.raw`, which a firmware boots by itself."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Sequence

from aivp_sdk import Permanent

from . import boot_disk, boot_firmware
from .boot_fat import fat
from .workshop import Workshop

_ESP = 64 * boot_firmware.MIB
_STUBS = "usr/lib/systemd/boot/efi/"


def write(
    workshop: Workshop, tar: Path, draft: Path, size: int, machine: str, cmdline: Sequence[str], now: int
) -> None:
    """`size`: of the whole disk; `cmdline`: what the kernel in it is told."""
    if machine not in boot_firmware.STUBS:
        raise Permanent(f"aivp makes no disks for the firmware of {machine}", path="/boot", mend="Take `boot: kernel`.")
    stub, loader, line = draft / "stub", draft / "loader", draft / "cmdline"
    stub.write_bytes(_stub(tar, boot_firmware.STUBS[machine]))
    line.write_bytes(" ".join(cmdline).encode() + b"\0")
    sections = ((".cmdline", line), (".linux", draft / "vmlinuz"), (".initrd", draft / "initrd.img"))
    boot_firmware.unified(workshop, stub, sections, loader)
    esp = fat([(("EFI", "BOOT", boot_firmware.LOADERS[machine]), loader.read_bytes())], _ESP, draft.name)
    root = draft / "root.raw"
    boot_disk.ext4(workshop, tar, root, boot_firmware.room(size, len(esp)), draft.name, now)
    boot_firmware.disk(draft / "disk.raw", esp, root, machine, draft.name, size)
    for file in (stub, loader, line, root):
        file.unlink()


def _stub(tar: Path, name: str) -> bytes:
    with tarfile.open(tar) as root:
        for member in root:
            if member.isfile() and member.name.lstrip("./") == _STUBS + name:
                file = root.extractfile(member)
                return b"" if file is None else file.read()
    mend = "Name the package that has it, such as systemd-boot-efi, among `debian.packages`."
    raise Permanent(f"the image has no {_STUBS}{name}", path="/boot", mend=mend)
