"""`relay.py TAP PID MAC`: hold a tap as QEMU does, and be the guest's `eth0` in the namespace of a process."""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys


def open_tap(name: str) -> int:
    """A tap without the header of virtio; made where there is none."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x1002))
    return descriptor


def main(tap: str, pid: str, mac: str) -> None:
    """Carry frames until we are killed."""
    outer = open_tap(tap)
    with open(f"/proc/{pid}/ns/net") as space:
        if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")
    inner = open_tap("eth0")
    subprocess.run(["ip", "link", "set", "eth0", "address", mac, "up"], check=True)
    print("ready", flush=True)
    ways = {outer: inner, inner: outer}
    while True:
        for source in select.select(list(ways), [], [])[0]:
            try:
                os.write(ways[source], os.read(source, 1 << 16))
            except OSError:
                if source == outer and select.select([outer], [], [], 0.05)[0]:
                    return


if __name__ == "__main__":
    main(*sys.argv[1:4])
