"""A kernel's modules and busybox → an initramfs: loads the modules, mounts the root, hands over to its init.

It is written byte for byte here, a cpio of a dozen files, so that the same input gives the same bytes; what a
distribution would put there (udev, every module) costs a guest on an emulated CPU seconds.
"""

from __future__ import annotations

import gzip
import lzma
import stat
from typing import Callable, Dict, Iterable, List, Sequence, Tuple

from aivp_sdk import Permanent

INIT = """\
#!/bin/busybox sh
# Loads modules, mounts the root and hands over. A guest without a root powers off, and says why on its console.
bb=/bin/busybox
fail() {
    echo "aivp-initramfs: $*" > /dev/console
    if [ -n "$rescue" ]; then exec $bb sh < /dev/console > /dev/console 2>&1; fi
    $bb sleep 1
    $bb poweroff -f
}
$bb mount -t devtmpfs -o mode=0755,nosuid dev /dev
$bb mount -t proc -o nosuid,nodev,noexec proc /proc
$bb mount -t sysfs -o nosuid,nodev,noexec sys /sys
root= init=/sbin/init flags=rw type=ext4 options= rescue= waits=30
for word in $($bb cat /proc/cmdline); do
    case $word in
        root=*) root=${word#root=} ;;
        init=*) init=${word#init=} ;;
        rootflags=*) options=,${word#rootflags=} ;;
        rootfstype=*) type=${word#rootfstype=} ;;
        rootdelay=*) waits=${word#rootdelay=} ;;
        ro) flags=ro ;;
        rw) flags=rw ;;
        aivp.rescue) rescue=1 ;;
    esac
done
while read -r module; do
    $bb insmod "$module" || echo "aivp-initramfs: $module could not be loaded" > /dev/console
done < /modules/order
tries=0
while :; do
    case $root in
        LABEL=*|UUID=*) device=$($bb findfs "$root" 2> /dev/null) ;;
        PARTUUID=*|'') fail "root=$root is nothing that can be mounted here" ;;
        *) device=$root ;;
    esac
    [ -b "$device" ] && break
    tries=$((tries + 1))
    [ $tries -gt $((waits * 20)) ] && fail "there is no disk $root"
    $bb usleep 50000
done
$bb mount -t "$type" -o "$flags$options" "$device" /root || fail "$device cannot be mounted"
[ -x "/root$init" ] || [ -L "/root$init" ] || fail "there is no $init on $device"
for folder in dev proc sys; do $bb mount -o move /$folder /root/$folder; done
exec $bb switch_root /root "$init"
"""

Opener = Callable[[str], bytes]
_FOLDERS = ("bin", "dev", "modules", "proc", "root", "sys")


def initramfs(paths: Sequence[str], read: Opener, busybox: bytes, unzstd: Callable[[bytes], bytes]) -> bytes:
    """The initramfs, gzipped. `paths`: module files in the order to load; `read`: path → its bytes."""
    order: List[str] = []
    entries: List[Tuple[str, int, bytes]] = [(name, stat.S_IFDIR | 0o755, b"") for name in _FOLDERS]
    entries += [("init", stat.S_IFREG | 0o755, INIT.encode()), ("bin/busybox", stat.S_IFREG | 0o755, busybox)]
    for path in paths:
        name, data = _unpacked(path, read(path), unzstd)
        order.append(f"/modules/{name}")
        entries.append((f"modules/{name}", stat.S_IFREG | 0o644, data))
    entries.append(("modules/order", stat.S_IFREG | 0o644, "".join(f"{line}\n" for line in order).encode()))
    return gzip.compress(cpio(sorted(entries)), compresslevel=6, mtime=0)


def cpio(entries: Iterable[Tuple[str, int, bytes]]) -> bytes:
    """`newc`, the form that kernels read, of (name, mode with its type, data); of root's, from 1970."""
    parts = [_member(number, *entry) for number, entry in enumerate(entries, 1)]
    return b"".join([*parts, _member(0, "TRAILER!!!", 0, b"")])


def _member(number: int, name: str, mode: int, data: bytes) -> bytes:
    text = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(text), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + text
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def _unpacked(path: str, data: bytes, unzstd: Callable[[bytes], bytes]) -> Tuple[str, bytes]:
    """The module's name and plain bytes: not every busybox can unpack what a distribution packs."""
    name = path.rsplit("/", 1)[-1]
    unpack: Dict[str, Callable[[bytes], bytes]] = {".xz": lzma.decompress, ".gz": gzip.decompress, ".zst": unzstd}
    for ending, opened in unpack.items():
        if name.endswith(ending):
            try:
                return name[: -len(ending)], opened(data)
            except (OSError, EOFError, lzma.LZMAError) as error:
                raise Permanent(f"the module {name} cannot be unpacked: {error}") from None
    return name, data
