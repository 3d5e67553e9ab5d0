"""A raw disk with a file system of its own → the same without what only one machine may have.

Its id, its SSH host keys, its random seed: each guest makes its own when it starts first. Without root and without a
mount: `debugfs` edits ext4 as a file. A disk with partitions stays as it is, and that is said.
"""

from __future__ import annotations

from pathlib import Path
from typing import List

from aivp_sdk import Permanent

from .workshop import Workshop

_KEYS = tuple(
    f"/etc/ssh/ssh_host_{kind}_key{end}" for kind in ("rsa", "dsa", "ecdsa", "ed25519") for end in ("", ".pub")
)
_OWN = (*_KEYS, "/var/lib/dbus/machine-id", "/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret")
_MAGIC_AT, _MAGIC = 1024 + 56, b"\x53\xef"


def clean(workshop: Workshop, disk: Path) -> List[str]:
    """Edit it in place; remarks about what could not be done. Raises Permanent for a damaged file system."""
    with open(disk, "rb") as file:
        file.seek(_MAGIC_AT)
        if file.read(2) != _MAGIC:
            return ["the disk has partitions: machine id and SSH host keys of its VM are in the image, too"]
    check = [workshop.program("e2fsck", "e2fsprogs"), "-f", "-p", str(disk)]
    _mended(workshop, check)  # a journal that is not played back would bring back what is removed here
    empty = disk.with_name("empty")
    empty.touch()
    try:
        script = disk.with_name("script")
        words = [f"rm {path}" for path in (*_OWN, "/etc/machine-id")]
        words += [f"write {empty} /etc/machine-id", "sif /etc/machine-id mode 0100444"]
        script.write_text("\n".join(words) + "\n", encoding="utf-8")
        debugfs = workshop.program("debugfs", "e2fsprogs")
        workshop.run([debugfs, "-w", "-f", str(script), str(disk)], doing="taking away what is the VM's own")
    finally:
        empty.unlink()
        disk.with_name("script").unlink()
    _mended(workshop, check)
    return []


def _mended(workshop: Workshop, argv: List[str]) -> None:
    """e2fsck says 1 where it has mended something."""
    try:
        workshop.run(["/bin/sh", "-c", '"$@" || [ $? -eq 1 ]', "sh", *argv], doing="checking the file system")
    except Permanent as error:
        mend = "Start the VM, let it check its file system, and stop it again."
        raise Permanent(error.message, path="/vm/path", mend=mend) from None
