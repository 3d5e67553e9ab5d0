"""A `Machine` → QEMU's command line, held to golden files: argv/NAME.txt has one word a line."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from aivp_vm.drivers import qemu
from aivp_vm.machine.spec import Boot, Card, Disk, Limits, Machine, Ram, read

GOLDEN = Path(__file__).parent / "argv"
PLAIN = Machine(
    name="web",
    instance="6f1c0000-0000-4000-8000-000000000001",
    accelerator="tcg",
    cpus=1,
    memory=256 << 20,
    boot=Boot(kernel="/images/a/vmlinuz", initrd="/images/a/initrd", cmdline="console=ttyS0 quiet"),
)
CASES = {
    "kernel": PLAIN,
    "firmware": replace(
        PLAIN,
        accelerator="kvm",
        cpus=4,
        boot=Boot(firmware="/usr/share/OVMF/OVMF_CODE_4M.fd", variables="firmware-vars.fd"),
        disks=(
            Disk("root", "disks/root.qcow2", "qcow2", "root"),
            Disk("data", "disks/data.raw", "raw", "data"),
            Disk("seed", "seed.iso", "raw", "seed", is_read_only=True),
        ),
    ),
    "bios-vnc-limits": replace(
        PLAIN, boot=Boot(), vnc="127.0.0.1:5901", limits=Limits(nice=10, cpu=50), disks=(Disk("root", "r", "raw"),)
    ),
    "cards": replace(
        PLAIN,
        vnc="unix",
        cards=(
            Card("52:54:00:00:00:01", "user"),
            Card("52:54:00:00:00:02", "tap,ifname=aivp0,script=no,downscript=no"),
        ),
    ),
    "clone": replace(PLAIN, ram=Ram("/templates/a,b/ram", is_shared=False), is_incoming=True),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_command_is_the_golden_one(name: str) -> None:
    text = "\n".join(qemu.command(CASES[name])) + "\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("AIVP_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("name", sorted(CASES))
def test_machine_survives_its_file(name: str) -> None:
    assert read(json.loads(json.dumps(CASES[name].form()))) == CASES[name]


def test_newer_files_are_read() -> None:
    assert read({**PLAIN.form(), "later": 1}) == PLAIN


def test_comma_in_a_name_adds_no_option() -> None:
    assert "guest=a,,b" in qemu.command(replace(PLAIN, name="a,b"))
