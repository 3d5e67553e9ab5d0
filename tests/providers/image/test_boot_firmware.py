"""The disk for a firmware: a partition table and a FAT that other programs read as they were meant."""

from __future__ import annotations

import struct
import uuid
import zlib
from pathlib import Path

import pytest
from aivp_image import boot_firmware
from aivp_image.boot_fat import fat
from aivp_sdk import Permanent

MIB = 1024 * 1024
LOADER = bytes(range(256)) * 40_000


def read_fat(data: bytes, *names: str) -> bytes:
    """A reader of FAT16 of its own."""
    sector, per, reserved, tables, roots = struct.unpack_from("<HBHBH", data, 11)
    (table,) = struct.unpack_from("<H", data, 22)
    chain = struct.unpack_from(f"<{table * sector // 2}H", data, reserved * sector)
    listing_at = (reserved + tables * table) * sector
    start = listing_at + roots * 32
    size = per * sector

    def content(cluster: int) -> bytes:
        found = b""
        while cluster < 0xFFF8:
            found += data[start + (cluster - 2) * size : start + (cluster - 1) * size]
            cluster = chain[cluster]
        return found

    listing = data[listing_at:start]
    for name in names:
        stem, _, ending = name.partition(".")
        wanted = stem.encode().ljust(8) + ending.encode().ljust(3)
        entry = next(listing[at : at + 32] for at in range(0, len(listing), 32) if listing[at : at + 11] == wanted)
        first, length = struct.unpack_from("<HI", entry, 26)
        listing = content(first)
    return listing[:length]


def test_files_are_found_in_the_fat() -> None:
    data = fat([(("EFI", "BOOT", "BOOTX64.EFI"), LOADER), (("EFI", "NOTE.TXT"), b"note")], 64 * MIB, "key")
    assert len(data) == 64 * MIB
    assert read_fat(data, "EFI", "BOOT", "BOOTX64.EFI") == LOADER
    assert read_fat(data, "EFI", "NOTE.TXT") == b"note"
    assert data == fat([(("EFI", "BOOT", "BOOTX64.EFI"), LOADER), (("EFI", "NOTE.TXT"), b"note")], 64 * MIB, "key")


def test_a_loader_that_does_not_fit_is_told() -> None:
    with pytest.raises(Permanent, match="does not fit the EFI system partition"):
        fat([(("BIG",), bytes(65 * MIB))], 64 * MIB, "key")


def test_both_tables_of_the_disk_agree(tmp_path: Path) -> None:
    root, disk = tmp_path / "root", tmp_path / "disk"
    root.write_bytes(b"root" + bytes(3 * MIB) + b"end!".rjust(MIB - 4, b"\0"))
    boot_firmware.disk(disk, b"E" * (2 * MIB), root, "x86_64", "key", 16 * MIB)
    data = disk.read_bytes()
    assert len(data) == 16 * MIB
    first, last = data[512:1024], data[-512:]
    for header, own, other in ((first, 1, 32767), (last, 32767, 1)):
        assert header[:8] == b"EFI PART"
        assert struct.unpack_from("<QQ", header, 24) == (own, other)
        bare = header[:16] + bytes(4) + header[20:92]
        assert struct.unpack_from("<I", header, 16)[0] == zlib.crc32(bare)
        table = struct.unpack_from("<Q", header, 72)[0]
        entries = data[table * 512 : table * 512 + 128 * 128]
        assert struct.unpack_from("<I", header, 88)[0] == zlib.crc32(entries)
        assert uuid.UUID(bytes_le=entries[:16]) == uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
    begin = struct.unpack_from("<Q", entries, 128 + 32)[0] * 512
    assert data[begin : begin + 4] == b"root"
    assert data[begin + 4 * MIB - 4 : begin + 4 * MIB] == b"end!"


def test_a_root_that_does_not_fit_is_told(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.write_bytes(bytes(15 * MIB))
    with pytest.raises(Permanent, match=r"does not fit its disk") as told:
        boot_firmware.disk(tmp_path / "disk", bytes(2 * MIB), root, "x86_64", "key", 16 * MIB)
    assert told.value.path == "/disk/size"
