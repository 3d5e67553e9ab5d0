"""An image with the guest helper: a lab root as a disk, Debian's kernel, and an initramfs that brings the helper along.

As `small_image`, the folder of an image; the helper is init itself (five seconds under TCG), or a unit of systemd.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from aivp_guest import files

from tests.lab import machines
from tests.lab.cache import cached, content_key
from tests.lab.places import Places


def helped_image(places: Places, environ: Mapping[str, str], *, systemd: bool = False) -> Path:
    """The folder of the image; LabError where its parts cannot be had."""
    kernel, disk = machines._kernel(places), machines._disk(places, environ)
    added = files.files() if systemd else files.init_files()
    init = "/sbin/init" if systemd else files.INIT
    initrd = machines._initramfs(kernel, [(file.path, file.mode, file.content) for file in added], init)
    key = content_key([kernel.name, disk.name, hashlib.sha256(initrd).hexdigest(), machines._CMDLINE, 1])

    def make(draft: Path) -> None:
        os.link(kernel / "vmlinuz", draft / "vmlinuz")
        os.link(disk / "disk", draft / "disk")
        (draft / "initrd").write_bytes(initrd)
        (draft / "image.json").write_text(json.dumps(_description(draft), indent=1))

    return cached(places.cache / "machines" / f"helped-{key}", make)


def copy(image: Path, folder: Path) -> Path:
    """The same image once more, of links: marks of use in it are one's own."""
    shutil.copytree(image, folder, copy_function=os.link, ignore=shutil.ignore_patterns("users"))
    return folder


def _description(draft: Path) -> dict[str, object]:
    sums = {name: _sha256(draft / name) for name in ("disk", "initrd", "vmlinuz")}
    return {
        "version": 1,
        "digest": "sha256:" + hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest(),
        "architecture": "x86_64",
        "disk": {
            "file": "disk",
            "format": "raw",
            "size": (draft / "disk").stat().st_size,
            "sha256": sums["disk"],
        },
        "kernel": {"file": "vmlinuz", "sha256": sums["vmlinuz"]},
        "initrd": {"file": "initrd", "sha256": sums["initrd"]},
        "cmdline": " ".join(machines._CMDLINE),
        "firmware": False,
        "helper": True,
        "cloud_init": False,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
