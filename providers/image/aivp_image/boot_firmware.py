"""Kernel, initramfs, command line and a root file system → a disk that a UEFI firmware boots by itself.

An EFI system partition with one unified kernel image as the default loader, and the root behind it. The partition table
is written here, since what could do it (gdisk) is not on most hosts; objcopy puts the kernel into systemd's stub.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from pathlib import Path
from typing import BinaryIO, List, Sequence, Tuple

from aivp_sdk import Permanent

from .boot_fat import SECTOR, up
from .workshop import Workshop

MIB = 1024 * 1024
_ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
_ROOT_TYPES = {
    "x86_64": uuid.UUID("4f68bce3-e8cd-4db1-96e7-fbcaf984b709"),
    "aarch64": uuid.UUID("b921b045-1df0-41c3-af44-4c6f280d3fae"),
}
LOADERS = {"x86_64": "BOOTX64.EFI", "aarch64": "BOOTAA64.EFI"}
STUBS = {"x86_64": "linuxx64.efi.stub", "aarch64": "linuxaa64.efi.stub"}
_ENTRIES = 128
_ENTRY = struct.Struct("<16s16sQQQ72s")
_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")


def unified(workshop: Workshop, stub: Path, sections: Sequence[Tuple[str, Path]], result: Path) -> None:
    """A unified kernel image: systemd's stub with `sections` (.cmdline, .linux, .initrd) behind what it has."""
    at, alignment = _end(stub.read_bytes())
    argv: List[str] = [workshop.program("objcopy", "binutils")]
    for name, file in sections:
        argv += ["--add-section", f"{name}={file}", "--change-section-vma", f"{name}={at:#x}"]
        at = up(at + file.stat().st_size, alignment)
    workshop.run([*argv, str(stub), str(result)], doing="joining kernel and initramfs")


def _end(image: bytes) -> Tuple[int, int]:
    """Where a PE image ends in memory, and how its sections are aligned."""
    header = struct.unpack_from("<I", image, 0x3C)[0]
    if image[:2] != b"MZ" or image[header : header + 4] != b"PE\0\0":
        raise Permanent("systemd's stub for UEFI is no program for it", path="/boot")
    base = struct.unpack_from("<Q", image, header + 24 + 24)[0]
    alignment = max(struct.unpack_from("<I", image, header + 24 + 32)[0], 4096)
    size = struct.unpack_from("<I", image, header + 24 + 56)[0]
    return base + up(size, alignment), alignment


def disk(result: Path, esp: bytes, root: Path, machine: str, key: str, size: int) -> None:
    """A disk of `size` bytes: GPT, the EFI system partition `esp`, and the file system `root` up to its end.

    Raises Permanent where the two do not fit. Holes of `root` stay holes.
    """
    first = MIB // SECTOR
    second = up(first + len(esp) // SECTOR, first)
    last = second + root.stat().st_size // SECTOR - 1
    total = size // SECTOR
    if last > total - 34:
        raise Permanent("what is in the image does not fit its disk", path="/disk/size", mend="Make disk.size larger.")
    ids = [uuid.uuid5(uuid.NAMESPACE_URL, f"aivp:image:{key}:{part}") for part in ("disk", "esp", "root")]
    parts = [
        (_ESP_TYPE, ids[1], first, first + len(esp) // SECTOR - 1, "aivp-esp"),
        (_ROOT_TYPES.get(machine, _ROOT_TYPES["x86_64"]), ids[2], second, last, "aivp-root"),
    ]
    entries = b"".join(_ENTRY.pack(t.bytes_le, i.bytes_le, a, b, 0, n.encode("utf-16-le")) for t, i, a, b, n in parts)
    entries = entries.ljust(_ENTRIES * _ENTRY.size, b"\0")
    with open(result, "wb") as out, open(root, "rb") as source:
        out.truncate(size)
        out.write(_protective(total) + _gpt(1, total - 1, 2, total, ids[0], entries) + entries)
        out.seek(first * SECTOR)
        out.write(esp)
        _copy(source, out, second * SECTOR)
        out.seek((total - 33) * SECTOR)
        out.write(entries + _gpt(total - 1, 1, total - 33, total, ids[0], entries))


def room(size: int, esp: int) -> int:
    """Bytes that are left for the root on a disk of `size`, in whole MiB."""
    return (size - 2 * MIB - up(esp, MIB)) // MIB * MIB


def _protective(total: int) -> bytes:
    part = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, b"\xff\xff\xff", 1, min(total - 1, 0xFFFFFFFF))
    return part.rjust(446 + 16, b"\0").ljust(510, b"\0") + b"\x55\xaa"


def _gpt(own: int, other: int, table: int, total: int, name: uuid.UUID, entries: bytes) -> bytes:
    def packed(checksum: int) -> bytes:
        return _HEADER.pack(
            *(b"EFI PART", 0x10000, 92, checksum, 0, own, other, 34, total - 34, name.bytes_le, table),
            *(_ENTRIES, _ENTRY.size, zlib.crc32(entries)),
        )

    return packed(zlib.crc32(packed(0))).ljust(SECTOR, b"\0")


def _copy(source: BinaryIO, out: BinaryIO, at: int) -> None:
    """What is not zero, to `at` and behind: a file system is mostly holes."""
    zeros = bytes(MIB)
    while True:
        chunk = source.read(MIB)
        if not chunk:
            return
        if chunk != zeros:
            out.seek(at)
            out.write(chunk)
        at += len(chunk)
