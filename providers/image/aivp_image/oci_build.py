"""Layers → the files of an image: the tree with the guest helper in it, as a disk or an initramfs, and a kernel.

The kernel is another image's, or lies in `/boot` of the layers with its initramfs. Knows no declarations but its own.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from aivp_guest.files import INIT
from aivp_sdk import Permanent

from .declaration import Disk, Image, Oci
from .disk import convert, write_ext4
from .extract import lay_out
from .guest_helper import helper_files, init_files
from .oci_cpio import TooLarge, write_cpio
from .oci_layers import unpack
from .oci_layout import Layout
from .oci_ramdisk import add_starter
from .oci_tree import Hostile, Limits, Node, Tree
from .record import Content, Damaged, read_record, verify
from .workshop import Workshop

KERNEL, INITRD = "vmlinuz", "initrd"
LARGEST_INITRAMFS = 2 * 1024**3
_SYSTEMD = ("/lib/systemd/systemd", "/usr/lib/systemd/systemd")
_PYTHON = "/usr/bin/python3"
_CONSOLE = ("console=ttyS0", "panic=5")
_OWN_PATH = 1_000_000_000
"""Contents of aivp's own have numbers from here on: no layer has as many."""


@dataclass(frozen=True)
class Kernel:
    """The kernel that lies in the draft, with or without an initramfs. words: of the other image's command line."""

    version: str
    has_initrd: bool
    words: Tuple[str, ...] = ()


def build(desired: Image, oci: Oci, digest: str, workshop: Workshop, draft: Path) -> Content:
    """Fill `draft`. The manifest is that of `digest`, whatever the tag names by now. Raises Permanent, OSError."""
    disk = desired.disk or Disk()
    work = draft / "work"
    work.mkdir(mode=0o700)
    is_disk = oci.root == "disk"
    with contextlib.closing(Layout(oci.path)) as layout:
        manifest = layout.manifest(None, digest, platform.machine())
        limits = Limits(size=int(disk.size) if is_disk else LARGEST_INITRAMFS)
        tree = unpack(layout, manifest, work / "pool", limits, workshop.progress)
    for what, count in sorted(tree.left_out.items()):
        workshop.session.log(f"left out of the image: {count} {what}", "info")
    try:
        init = _complete(tree, oci, work / "pool")
    except Hostile as error:
        raise Permanent(f"the guest helper cannot be put into the image: {error}", path="/oci") from None
    kernel = _kernel(oci, tree, work / "pool", draft)
    about = {"oci": {"digest": digest, **_run(manifest.config)}, "kernel": kernel.version}
    words = [*_CONSOLE, *kernel.words]
    if is_disk:
        words = ["root=/dev/vda", "rw", *words, *([f"init={init}"] if init else [])]
        _write_disk(tree, work, workshop, disk, digest, draft)
    else:
        words += [f"aivp.init={init}"] if init else []
        _write_initramfs(tree, work / "pool", kernel, draft)
    shutil.rmtree(work)
    return Content(
        architecture=manifest.architecture,
        disk=f"disk.{disk.format}" if is_disk else None,
        disk_format=disk.format,
        disk_size=int(disk.size) if is_disk else 0,
        kernel=KERNEL,
        initrd=INITRD if kernel.has_initrd or not is_disk else None,
        cmdline=(*dict.fromkeys(words), *desired.cmdline),
        helper=oci.helper,
        cloud_init=tree.resolve("/usr/bin/cloud-init") is not None,
        about=about,
    )


def _complete(tree: Tree, oci: Oci, pool: Path) -> Optional[str]:
    """Put the helper in, started by systemd or as the first process; the init to name, if it is not the usual one."""
    has_systemd = any(tree.resolve(path) is not None for path in _SYSTEMD)
    if oci.helper:
        if tree.resolve(_PYTHON) is None:
            mend = "Install python3 in it, or declare `helper: false` and an `init`; guests are then no hosts of aivp."
            raise Permanent("the image has no python3, which the guest helper needs", path="/oci/helper", mend=mend)
        for number, item in enumerate(helper_files() if has_systemd or oci.init else init_files(), _OWN_PATH):
            if item.mode == 0:
                tree.put_file(item.path, Node("symlink", 0o777, link=item.content))
                continue
            (pool / str(number)).write_bytes(item.content)
            tree.put_file(item.path, Node("file", item.mode, size=len(item.content), content=number))
        for dropped in tree.dropped:
            (pool / str(dropped)).unlink()
        tree.dropped.clear()
    for path in ("/dev", "/proc", "/sys", "/run", "/tmp"):  # noqa: S108  # mount points of the guest
        if tree.resolve(path) is None:
            tree.put_file(path, Node("directory", 0o1777 if path == "/tmp" else 0o755))  # noqa: S108  # as above
    if oci.init is not None:
        if tree.resolve(oci.init) is None:
            raise Permanent(f"there is no {oci.init} in the image", path="/oci/init")
        return oci.init
    if has_systemd:
        named = next(path for path in _SYSTEMD if tree.resolve(path) is not None)
        return None if tree.resolve("/sbin/init") is not None else named
    if oci.helper:
        return INIT
    if tree.resolve("/sbin/init") is not None:
        return None
    mend = "Name a program of the image that can be the first process with `init`, or leave `helper` on."
    raise Permanent("the image has neither /sbin/init nor systemd", path="/oci/init", mend=mend)


def _kernel(oci: Oci, tree: Tree, pool: Path, draft: Path) -> Kernel:
    if oci.kernel is not None:
        return _kernel_of(Path(oci.kernel), draft)
    boot = tree.resolve("/boot")
    names = sorted(boot.children) if boot is not None and boot.kind == "directory" else []
    for name in reversed(names):
        version = name.partition(b"vmlinuz-")[2].decode("utf-8", "replace")
        kernel = tree.resolve(f"/boot/vmlinuz-{version}")
        initrd = tree.resolve(f"/boot/initrd.img-{version}") or tree.resolve(f"/boot/initramfs-{version}.img")
        if version and kernel is not None and kernel.content and (initrd is not None or oci.root == "initramfs"):
            _copy(pool, kernel, draft / KERNEL)
            if initrd is not None and initrd.content:
                _copy(pool, initrd, draft / INITRD)
            return Kernel(version, initrd is not None)
    mend = "Name an image that has one: `kernel: ${image.base.path}`."
    why = "the layers hold no kernel with its initramfs (/boot/vmlinuz-VERSION and /boot/initrd.img-VERSION)"
    raise Permanent(why, path="/oci/kernel", mend=mend)


def _kernel_of(folder: Path, draft: Path) -> Kernel:
    """Kernel and initramfs of another image, verified."""
    try:
        record = read_record(folder)
        if record is None or not record.get("kernel"):
            raise Permanent(f"{folder} is no image with a kernel", path="/oci/kernel")
        verify(folder, record, {})
    except Damaged as damage:
        raise Permanent(f"the image {folder} is damaged: {damage}", path="/oci/kernel") from None
    shutil.copyfile(folder / record["kernel"]["file"], draft / KERNEL)
    initrd = record.get("initrd")
    if initrd:
        shutil.copyfile(folder / initrd["file"], draft / INITRD)
    ours = ("root=", "init=", "rdinit=", "rootfstype=", "rootflags=")
    words = tuple(
        word for word in str(record["cmdline"]).split() if not word.startswith(ours) and word not in ("ro", "rw")
    )
    version = record.get("about", {}).get("kernel") or f"sha256:{record['kernel']['sha256'][:12]}"
    return Kernel(version, bool(initrd), words)


def _write_disk(tree: Tree, work: Path, workshop: Workshop, disk: Disk, digest: str, draft: Path) -> None:
    lay_out(tree, work / "pool", work / "root", work / "owners")
    raw = draft / "disk.raw"
    write_ext4(workshop, work / "root", work / "owners", int(disk.size), raw, digest)
    if disk.format == "qcow2":
        convert(workshop, raw, "raw", draft / "disk.qcow2", disk)
        raw.unlink()


def _write_initramfs(tree: Tree, pool: Path, kernel: Kernel, draft: Path) -> None:
    if kernel.has_initrd:
        add_starter(tree, pool, draft / INITRD, _OWN_PATH + 1000)
        (draft / INITRD).unlink()
    elif tree.resolve("/init") is None:
        tree.put_file("/init", Node("symlink", 0o777, link=b"sbin/init"))
    try:
        write_cpio(tree, pool, draft / INITRD)
    except TooLarge as error:
        raise Permanent(str(error), path="/oci/root") from None


def _copy(pool: Path, node: Node, into: Path) -> None:
    shutil.copyfile(pool / str(node.content), into)


def _run(config: Mapping[str, Any]) -> Dict[str, Any]:
    """What its builder says of how to run it, for people: `about.oci` of image.json."""
    names = ("Entrypoint", "Cmd", "Env", "WorkingDir", "User")
    return {name.lower(): config[name] for name in names if config.get(name)}
