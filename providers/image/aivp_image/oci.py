"""An OCI image layout → an image: its layers as a file system, with the guest helper and a kernel from elsewhere."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from aivp_sdk import Permanent

from .declaration import Image, Oci
from .guest_helper import digest, helper_files, init_files
from .oci_build import build
from .oci_layout import Layout, Manifest
from .plain import plain
from .recipe import Before, Maker, Outlook, Recipe, common, not_there_yet
from .record import Content, Damaged, read_record
from .store import digest_of
from .workshop import Workshop

FORM = 1
"""Counts up where the same layers become another image."""


class OciMaker(Maker):
    """Images that are made of OCI image layouts."""

    def check(self, desired: Image) -> None:
        """It must say how its guests boot, and only an initramfs has no disk."""
        oci = _oci(desired)
        if desired.boot == "firmware":
            mend = "Leave `boot` out: QEMU loads the kernel from beside the disk."
            raise Permanent("a disk that is made of an OCI image has no boot loader", path="/boot", mend=mend)
        if oci.root == "initramfs" and desired.disk is not None:
            raise Permanent("an image whose root is its initramfs has no disk", path="/disk")

    def foresee(self, desired: Image, before: Optional[Before], workshop: Workshop) -> Outlook:
        """The manifest that is named now: a look at two or three small files."""
        oci = _oci(desired)
        if not os.path.exists(oci.path):
            return Outlook(not_there_yet(plain(oci), "digest", before, oci.path, workshop), None, _absent(oci))
        with contextlib.closing(Layout(oci.path)) as layout:
            manifest = _manifest(layout, oci)
        shown = {**plain(oci), "digest": manifest.digest}
        kernel = _kernel_digest(oci.kernel) if isinstance(oci.kernel, str) else None
        is_known = kernel is not None or oci.kernel is None
        parts = _parts(desired, manifest, kernel) if is_known else None
        return Outlook(shown, parts, _absent(oci))

    def prepare(self, desired: Image, before: Optional[Before], workshop: Workshop) -> Recipe:
        """As foreseen; a kernel that was to come is there now."""
        oci = _oci(desired)
        with contextlib.closing(Layout(oci.path)) as layout:
            manifest = _manifest(layout, oci)
        kernel = None
        if oci.kernel is not None:
            kernel = _kernel_digest(oci.kernel)
            if kernel is None:
                mend = "Name the `path` of an image that has one, such as `${image.base.path}`."
                raise Permanent(f"{oci.kernel} is no image with a kernel", path="/oci/kernel", mend=mend)
        shown = {**plain(oci), "digest": manifest.digest}

        def make(draft: Path) -> Content:
            return build(desired, oci, manifest.digest, workshop, draft)

        return Recipe(_parts(desired, manifest, kernel), make, shown)


MAKER = OciMaker()


def _oci(desired: Image) -> Oci:
    assert desired.oci is not None
    return desired.oci


def _absent(oci: Oci) -> Tuple[str, ...]:
    return () if oci.root == "disk" else ("format", "size")


def _manifest(layout: Layout, oci: Oci) -> Manifest:
    return layout.manifest(oci.tag, oci.digest, platform.machine())


def _parts(desired: Image, manifest: Manifest, kernel: Optional[str]) -> Any:
    oci = _oci(desired)
    parts: Dict[str, Any] = {"form": FORM, "manifest": manifest.digest, "kernel": kernel, "root": oci.root}
    if oci.init is not None:
        parts["init"] = oci.init
    if oci.helper:
        parts["helper"] = digest([*helper_files(), *init_files()])
    return {"oci": parts, **common(desired)}


def _kernel_digest(folder: str) -> Optional[str]:
    """The checksums of the kernel and initramfs of another image."""
    try:
        record = read_record(Path(folder))
    except Damaged:
        return None
    if not record or not record.get("kernel"):
        return None
    return digest_of([record["kernel"]["sha256"], (record.get("initrd") or {}).get("sha256"), record["cmdline"]])
