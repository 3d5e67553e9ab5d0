"""Resolved packages → the files of an image: a root, its disk, and the kernel and initramfs beside it."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path
from typing import Sequence, Tuple

from aivp_sdk import Permanent

from . import boot_disk, bootable
from .boot_initramfs import initramfs
from .boot_modules import ROOT, VIRTIO, files, read_tables
from .debian_apt import Apt, Package
from .debian_inside import inside, slim
from .debian_root import epoch, repository, root_tar
from .declaration import Debian, Disk, Image
from .guest_helper import HelperFile
from .record import Content
from .store import remove_tree
from .workshop import Workshop

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_CONSOLES = {"x86_64": "ttyS0", "aarch64": "ttyAMA0"}
_FSTAB = "{root} / ext4 defaults,x-systemd.growfs 0 1\n"
_TEMPORARY = ("repository", "tmp", "root.tar", "inside.tar")


def build(
    desired: Image, apt: Apt, packages: Sequence[Package], helper: Sequence[HelperFile], draft: Path, workshop: Workshop
) -> Content:
    """Fill `draft`; what it needed on the way is gone again. The packages have been fetched."""
    debian, wanted = desired.debian or Debian(suite=""), desired.disk or Disk()
    now = epoch(apt.archives, packages)
    repository(apt, packages, draft / "repository")
    machine = _MACHINES.get(apt.sources.architecture, apt.sources.architecture)
    is_firmware = desired.boot == "firmware"
    root = f"UUID={boot_disk.file_system_id(draft.name)}" if is_firmware else "/dev/vda"
    cmdline = (f"root={root}", "rw", f"console={_CONSOLES.get(machine, 'ttyS0')}", *desired.cmdline)
    lines = [line for line in apt.sources.lines if " file:" not in line and " copy:" not in line]
    data = inside(debian, lines, helper, _FSTAB.format(root=root))
    tar = root_tar(workshop, draft, packages, data, slim(debian), now)
    kernel = _kernel(tar, draft, desired.modules, workshop)
    raw = draft / "disk.raw"
    if is_firmware:
        bootable.write(workshop, tar, draft, wanted.size, machine, cmdline, now)
    else:
        boot_disk.ext4(workshop, tar, raw, wanted.size, draft.name, now)
    for name in _TEMPORARY:
        remove_tree(draft / name)
    disk = boot_disk.finished(workshop, raw, wanted)
    return Content(
        architecture=machine,
        disk=disk.name,
        disk_format=wanted.format,
        disk_size=wanted.size,
        kernel="vmlinuz",
        initrd="initrd.img",
        cmdline=cmdline,
        firmware=is_firmware,
        helper=bool(helper),
        cloud_init=any(package.name == "cloud-init" for package in packages),
        about={"kernel": kernel, "suite": debian.suite, "packages": len(packages)},
    )


def _kernel(tar: Path, draft: Path, modules: Sequence[str], workshop: Workshop) -> str:
    """Put the newest kernel of the root and an initramfs for it beside the disk; its version."""
    with tarfile.open(tar) as root:
        found = {member.name.lstrip("./"): member for member in root if member.isfile()}

        def read(name: str) -> bytes:
            file = root.extractfile(found[name])
            return b"" if file is None else file.read()

        version = _newest([name[len("boot/vmlinuz-") :] for name in found if name.startswith("boot/vmlinuz-")])
        bases = (f"{top}lib/modules/{version}/" for top in ("usr/", ""))
        base = next(base for base in bases if f"{base}modules.dep" in found)
        texts = {name: read(f"{base}modules.{name}").decode() for name in ("dep", "builtin")}
        soft = read(f"{base}modules.softdep").decode() if f"{base}modules.softdep" in found else ""
        tables = read_tables(texts["dep"], texts["builtin"], soft)
        paths = files([*VIRTIO, *ROOT, *sorted(modules)], tables, version=version)
        busybox = read(next(name for name in ("usr/bin/busybox", "bin/busybox") if name in found))
        image = initramfs(paths, lambda path: read(base + path), busybox, lambda data: _unzstd(data, workshop))
        (draft / "vmlinuz").write_bytes(read(f"boot/vmlinuz-{version}"))
        (draft / "initrd.img").write_bytes(image)
    return version


def _unzstd(data: bytes, workshop: Workshop) -> bytes:
    return workshop.output([workshop.program("zstd", "zstd"), "-dcq"], stdin=data)


def _newest(versions: Sequence[str]) -> str:
    if not versions:
        raise Permanent(
            "the image has no kernel",
            path="/debian/kernel",
            mend="Name the package of one, such as linux-image-amd64.",
        )
    return max(versions, key=_version_key)


def _version_key(version: str) -> Tuple[Tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"[0-9]+|[^0-9]+", version))
