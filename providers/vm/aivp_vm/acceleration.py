"""Which accelerator works here: found out by booting a real kernel with KVM, and remembered until the host boots again.

A host may have /dev/kvm, create VMs, run boot sectors, and never bring a kernel to user space. So the image's own
kernel is booted with an initramfs of one program that says a word on the console; who says nothing in ten seconds has
no KVM.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import time
from pathlib import Path
from typing import List, Optional

from .machine import places
from .machine.process import ENVIRONMENT

WITHIN = 10.0
"""Seconds; a kernel under KVM takes one or two on a host that is busy."""
MARKER = b"AIVP-ACCELERATED"
CACHE = "acceleration.json"


def accelerator(directory: Path, program: str, kernel: str) -> str:
    """Kvm or tcg, for QEMU `program` on this host. `kernel`: one to boot; empty where the image has none."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(directory / f".{CACHE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        key = _key(program, bool(kernel))
        known = places.read_json(directory / CACHE) or {}
        if key not in known:
            works = boots(program, kernel, directory) if kernel else _has_virtualisation()
            known = {**{k: v for k, v in known.items() if k.startswith(_boot())}, key: "kvm" if works else "tcg"}
            places.write_json(directory / CACHE, known)
        return str(known[key])
    finally:
        os.close(descriptor)


def cached(directory: Path, program: str, kernel: str) -> Optional[str]:
    """The verdict, where it is known without an experiment."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    found = (places.read_json(directory / CACHE) or {}).get(_key(program, bool(kernel)))
    return None if found is None else str(found)


def boots(program: str, kernel: str, directory: Path, accelerator: str = "kvm", within: float = WITHIN) -> bool:
    """Whether this kernel reaches user space with this accelerator."""
    initrd = directory / ".probe"
    initrd.write_bytes(_archive())
    argv = [
        *(program, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-m", "256"),
        *("-machine", f"pc,accel={accelerator}", "-serial", "stdio", "-kernel", kernel, "-initrd", str(initrd)),
        *("-append", "console=ttyS0 quiet panic=-1"),
    ]
    try:
        return _says(argv, MARKER, within)
    finally:
        initrd.unlink()


def _says(argv: List[str], marker: bytes, within: float) -> bool:
    try:
        process = subprocess.Popen(
            argv, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return False
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    said, deadline = b"", time.monotonic() + within
    try:
        while marker not in said and time.monotonic() < deadline:
            chunk = process.stdout.read()
            if chunk == b"" and process.poll() is not None:
                break
            said += chunk or b""
            time.sleep(0.02)
        return marker in said
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _archive() -> bytes:
    """The initramfs: a console, and the program."""
    return b"".join(
        [
            _entry("dev", 0o40755),
            _entry("dev/console", 0o20600, device=(5, 1)),
            _entry("init", 0o100755, _init()),
            _entry("TRAILER!!!", 0),
        ]
    )


def _entry(name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    fields = (1, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def _init() -> bytes:
    """An x86-64 program of two system calls: write(1, MARKER), reboot(RESTART)."""
    text = MARKER + b"\n"
    code = b"\xb8\x01\0\0\0\xbf\x01\0\0\0\x48\x8d\x35\x1f\0\0\0\xba" + struct.pack("<I", len(text)) + b"\x0f\x05"
    code += b"\xb8\xa9\0\0\0\xbf\xad\xde\xe1\xfe\xbe\x69\x19\x12\x28\xba\x67\x45\x23\x01\x0f\x05\xeb\xfe"
    base, size = 0x400000, 120 + len(code) + len(text)
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 4096) + code + text


def _has_virtualisation() -> bool:
    """Without a kernel to try: whether the processor says that it can. A KVM that only pretends to lacks that."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return " vmx" in flags or " svm" in flags


def _key(program: str, with_kernel: bool) -> str:
    path = next(
        (f"{place}/{program}" for place in ENVIRONMENT["PATH"].split(":") if os.path.exists(f"{place}/{program}")), ""
    )
    found = os.stat(path) if path else None
    looks = "" if found is None else f"{found.st_size}-{found.st_mtime_ns}"
    return f"{_boot()}/{looks}/{'kernel' if with_kernel else 'flags'}"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
