"""What a host answers when it is asked for what kinds need: looked for on this machine, with nothing changed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from aivp_runner import needs
from aivp_sdk.process import Session


def answer(subject: str, *names: str, base: Any = None, **more: Any) -> Any:
    asked = {"subject": subject, "names": list(names), "least": "", "config": "", "folder": "", "verdict": {}, **more}
    (found,) = needs.look([asked], base, Session(None))["found"]
    return found


def test_commands() -> None:
    assert answer("command", "nonesuch", "sh")["state"] == "met"
    assert answer("command", "nonesuch")["state"] == "missing"


def test_kernels() -> None:
    assert answer("kernel", least="2.6.18") == {"state": "met", "detail": os.uname().release}
    assert answer("kernel", least="999")["state"] == "missing"


def test_room(tmp_path: Path) -> None:
    found = answer("disk", folder=str(tmp_path / "not/yet"))
    assert found["state"] == "met"
    assert found["detail"] == str(tmp_path)
    assert found["free"] > 0
    assert list(tmp_path.iterdir()) == []
    assert answer("disk", base=tmp_path)["detail"] == str(tmp_path)
    assert answer("disk")["state"] == "unseen"


def test_devices() -> None:
    assert answer("device", "/dev/nonesuch")["state"] == "missing"
    assert answer("device", "/dev/nonesuch", "/dev/null")["state"] == "met"


@pytest.mark.parametrize(
    ("kept", "state"),
    [
        ({}, "met"),
        ({"BOOT/1-2/kernel": "kvm"}, "met"),
        ({"BOOT/1-2/kernel": "tcg"}, "idle"),
        ({"BOOT/1-2/kernel": "tcg", "BOOT/1-2/flags": "kvm"}, "met"),
        ({"of-another-boot/1-2/kernel": "tcg"}, "met"),
        ([1], "met"),
    ],
)
def test_devices_that_were_tried(tmp_path: Path, kept: Any, state: str) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    folder = tmp_path / "work/vm"
    folder.mkdir(parents=True)
    (folder / "tried.json").write_text(json.dumps(kept).replace("BOOT", boot))
    verdict = {"file": "tried.json", "works": "kvm"}
    assert answer("device", "/dev/null", verdict=verdict, provider="vm", base=tmp_path)["state"] == state
    assert answer("device", "/dev/null", verdict=verdict, provider="vm", folder=str(folder))["state"] == state


def test_files() -> None:
    assert answer("file", "/nonesuch", "/etc/passwd") == {"state": "met", "detail": "/etc/passwd"}
    assert answer("file", "/nonesuch")["state"] == "missing"


def test_modules() -> None:
    loaded = next(iter(sorted(os.listdir("/sys/module"))), None)
    if loaded is None:
        pytest.skip("/sys/module is empty here")
    assert answer("module", loaded) == {"state": "met", "detail": "loaded"}
    assert answer("module", "no_such_module")["state"] in ("missing", "unseen")


def test_names_of_modules_may_have_dashes() -> None:
    lines = ["kernel/drivers/char/hw_random/virtio-rng.ko.xz:", "kernel/net/bridge/bridge.ko: kernel/net/llc.ko"]
    assert needs._is_listed("virtio_rng", lines)
    assert needs._is_listed("bridge", lines)
    assert not needs._is_listed("llc", lines)


def test_who_works_here() -> None:
    found = needs.look([], None, Session(None))
    assert found["found"] == []
    assert found["user"]
    state = answer("privilege", "root")["state"]
    assert state == ("met" if os.geteuid() == 0 else "refused")
    assert answer("privilege", "user_namespaces")["state"] in ("met", "refused", "unseen")
