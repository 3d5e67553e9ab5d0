"""An initramfs of another image → its busybox and modules in a tree of ours, with an `/init` that loads them first.

So a guest whose root is its initramfs finds the devices that its kernel has modules for. Only initramfses that aivp
made are read: what a distribution's own does there is nothing that could be taken apart.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Dict, Iterator, Tuple

from aivp_sdk import Permanent

from .oci_tree import Node, Tree

PLACE = "/usr/lib/aivp/boot"
LARGEST = 512 * 1024 * 1024
_INIT = f"""\
#!{PLACE}/busybox sh
# Loads the modules of the kernel, and hands over to the init of the image.
bb={PLACE}/busybox
$bb mount -t devtmpfs -o mode=0755,nosuid dev /dev
$bb mount -t proc -o nosuid,nodev,noexec proc /proc
$bb mount -t sysfs -o nosuid,nodev,noexec sys /sys
init=/sbin/init
for word in $($bb cat /proc/cmdline); do
    case $word in aivp.init=*) init=${{word#aivp.init=}} ;; esac
done
while read -r module; do
    $bb insmod "{PLACE}/${{module##*/}}" || echo "aivp: $module could not be loaded" > /dev/console
done < {PLACE}/order
exec "$init" < /dev/console > /dev/console 2>&1
"""


def add_starter(tree: Tree, pool: Path, initrd: Path, first: int) -> None:
    """Put them into the tree. first: the number of the first content. Raises Permanent."""
    found = dict(contents(initrd))
    if "modules/order" not in found or "bin/busybox" not in found:
        mend = "Take the kernel of an image that aivp built from Debian packages."
        raise Permanent("the initramfs beside the kernel is none of aivp's", path="/oci/kernel", mend=mend)
    wanted: Dict[str, Tuple[int, bytes]] = {"/init": (0o755, _INIT.encode())}
    for name, data in sorted(found.items()):
        if name.startswith("modules/"):
            wanted[f"{PLACE}/{name.rpartition('/')[2]}"] = (0o644, data)
    wanted[f"{PLACE}/busybox"] = (0o755, found["bin/busybox"])
    for number, (path, (mode, data)) in enumerate(wanted.items(), first):
        (pool / str(number)).write_bytes(data)
        tree.put_file(path, Node("file", mode, size=len(data), content=number))


def contents(initrd: Path) -> Iterator[Tuple[str, bytes]]:
    """Names and bytes of the files in a gzipped `newc` archive; nothing where it is none."""
    try:
        with gzip.open(initrd) as packed:
            data = packed.read(LARGEST)
    except (OSError, EOFError, zlib.error):
        return
    position = 0
    while data[position : position + 6] == b"070701":
        fields = [int(data[position + 6 + 8 * index : position + 14 + 8 * index], 16) for index in range(13)]
        size, length = fields[6], fields[11]
        name = data[position + 110 : position + 110 + length - 1].decode(errors="replace")
        start = (position + 110 + length + 3) // 4 * 4
        if name == "TRAILER!!!":
            return
        if fields[1] & 0o170000 == 0o100000:
            yield name, data[start : start + size]
        position = (start + size + 3) // 4 * 4
