"""The provider is killed at any moment of a creation or an end; asked again it comes to the same and leaves nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.providers.vm.conftest import Vms
from tests.providers.vm.test_kind import processes

SEED = 7


class Killed:
    """A provider as a program of its own, that is asked for one apply and killed."""

    def __init__(self, directory: Path) -> None:
        argv = [sys.executable, "-m", "aivp_vm"]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, cwd="/"
        )
        params = {
            "protocol": {"major": 1, "minor": 0},
            "caller": {"name": "test", "version": "1"},
            "capabilities": {},
            "configuration": {"folder": str(directory)},
            "directory": str(directory),
        }
        self.ask(1, "initialize", params)
        self.answer()

    def ask(self, number: int, method: str, params: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        line = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline() or b"{}")
        return found

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


def act(vms: Vms, action: str, config: dict[str, Any], after: float) -> None:
    """Ask for it, and kill the provider `after` seconds, unless it was quicker."""
    provider = Killed(vms.directory)
    item = {"id": "1", "kind": "vm", "identity": {"name": "web"}, "config": config, "action": action, "changes": []}
    provider.ask(2, "apply", {"key": "k/1", "items": [{**item, "seen": {"observed": None}}]})
    time.sleep(after)
    provider.kill()


@pytest.mark.parametrize("round_", [0, 1])
def test_killed_provider_is_asked_again(vms: Vms, round_: int) -> None:
    _kill_and_ask_again(vms, random.Random(SEED + round_))


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(20))
def test_killed_provider_at_many_moments(vms: Vms, round_: int) -> None:
    _kill_and_ask_again(vms, random.Random(100 + round_))


def _kill_and_ask_again(vms: Vms, chance: random.Random) -> None:
    config = vms.config(disks=[{"name": "data", "size": 1 << 20, "format": "qcow2"}])
    config |= {"memory": 128 << 20, "boot": "auto", "cpus": 1, "state": "running"}
    act(vms, "create", config, chance.uniform(0, 0.6))
    vms.harness.apply("vm", config)
    assert vms.harness.plan("vm", config).action == "no-op"
    qemus = [line for line in processes(vms.directory) if "qemu-system" in line]
    assert len(qemus) == 1
    act(vms, "delete", config, chance.uniform(0, 0.4))
    vms.harness.delete("vm", config)
    assert processes(vms.directory) == []
    assert not vms.folder().exists()
    assert not (vms.directory / "vms").exists()
    assert not (vms.image / "users").exists()
