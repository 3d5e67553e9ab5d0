"""The probe boots a real kernel; its verdict is kept."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from aivp_vm import acceleration
from aivp_vm.machine import places
from aivp_vm.machine.spec import Machine


def test_kernel_that_boots_is_heard(small: Path, tmp_path: Path) -> None:
    """With an accelerator that works everywhere, so that the probe itself is known to be right."""
    assert acceleration.boots(Machine.program, str(small / "vmlinuz"), tmp_path, "tcg", 60)
    assert list(tmp_path.iterdir()) == []


def test_one_that_says_nothing_is_not_waited_for(small: Path, tmp_path: Path) -> None:
    assert not acceleration.boots(Machine.program, str(small / "vmlinuz"), tmp_path, "tcg", 0.2)


def test_missing_program_accelerates_nothing(small: Path, tmp_path: Path) -> None:
    assert not acceleration.boots("no-such-qemu", str(small / "vmlinuz"), tmp_path)


@pytest.mark.slow  # ten seconds where KVM is there and broken
@pytest.mark.skipif(not os.access("/dev/kvm", os.R_OK | os.W_OK), reason="there is no /dev/kvm here")
def test_verdict_is_kept_until_the_next_boot(small: Path, tmp_path: Path) -> None:
    verdict = acceleration.accelerator(tmp_path, Machine.program, str(small / "vmlinuz"))
    assert verdict in ("kvm", "tcg")
    kept = places.read_json(tmp_path / "acceleration.json")
    assert kept is not None
    (key,) = kept
    places.write_json(tmp_path / "acceleration.json", {key: "tcg"})
    assert acceleration.accelerator(tmp_path, Machine.program, str(small / "vmlinuz")) == "tcg"
    places.write_json(tmp_path / "acceleration.json", {"another-boot/x/kernel": "kvm", key: "tcg"})
    assert acceleration.cached(tmp_path, Machine.program, str(small / "vmlinuz")) == "tcg"


def test_verdict_is_private(tmp_path: Path) -> None:
    places.write_json(tmp_path / "x.json", {})
    assert stat.S_IMODE((tmp_path / "x.json").stat().st_mode) == 0o600
