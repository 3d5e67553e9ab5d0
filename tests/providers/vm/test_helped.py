"""VMs with the guest helper: the way in, readiness, a clean end; and networks without any privilege."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aivp_network.provider import PROVIDER as NETWORKS
from aivp_sdk import Canceled
from aivp_sdk.testing import Failed, Harness
from aivp_vm import keeping
from aivp_vm.declaration import Vm
from aivp_vm.machine import client

from tests.lab.availability import available
from tests.lab.errors import LabError
from tests.lab.helped_image import copy, helped_image
from tests.lab.machines import machines_available
from tests.lab.places import places as lab_places
from tests.lab.recipe import DEFAULT_SUITE
from tests.providers.vm.conftest import Vms, until


@pytest.fixture(scope="session")
def helped() -> Path:
    """The folder of an image with the guest helper; skips where it cannot be made here."""
    reason = machines_available() or available(DEFAULT_SUITE)
    if reason is not None:
        pytest.skip(reason)
    try:
        return helped_image(lab_places(os.environ), os.environ)
    except LabError as error:
        pytest.skip(f"no image with the guest helper: {error}")


@pytest.fixture
def guests(tmp_path: Path, helped: Path) -> Iterator[Vms]:
    made = Vms(tmp_path / "vm", copy(helped, tmp_path / "image"))
    yield made
    made.close()


def run(channel: Any, *argv: str) -> str:
    """What a command in the VM says."""
    done = subprocess.run([*channel, *argv], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_way_in(guests: Vms) -> None:
    config = guests.config(memory="320MiB", networks=None, hostname="the-web")
    outputs = guests.harness.create("vm", config).outputs
    channel = outputs["channel"]
    assert run(channel, "hostname") == "the-web"
    assert "10.0.2.15/24" in run(channel, "ip", "-br", "addr")
    before = run(channel, "cat", "/proc/sys/kernel/random/boot_id")

    supervisor = guests.seen().supervisor
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: guests.seen().supervisor is None, "the death of the supervisor")
    assert run(channel, "cat", "/proc/sys/kernel/random/boot_id") == before  # entering brought a new one
    assert guests.harness.plan("vm", config).action == "no-op"

    client.ask(guests.folder(), "reboot")
    client.ask(guests.folder(), "wait", timeout=60)
    assert run(channel, "cat", "/proc/sys/kernel/random/boot_id") != before

    config["state"] = "stopped"
    guests.harness.update("vm", config)
    assert "Power down" in guests.console()
    assert guests.harness.observe("vm", config).computed["channel"] is None


def test_guests_of_a_network_without_privileges_reach_each_other(guests: Vms, tmp_path: Path) -> None:
    network = {"name": "lab", "cidr": "10.77.0.0/24", "mode": "user"}
    with Harness(NETWORKS, {"folder": str(tmp_path / "networks")}) as networks:
        path = networks.create("network", network).outputs["path"]
        try:
            _meet(guests, str(path))
        finally:
            for name in ("one", "two"):
                guests.harness.delete("vm", guests.config(name))
            networks.delete("network", network)


def _meet(guests: Vms, network: str) -> None:
    found = {}
    for name in ("one", "two"):
        config = guests.config(name, memory="256MiB", networks=[{"network": network}])
        found[name] = guests.harness.create("vm", config).outputs
        assert guests.harness.plan("vm", config).action == "no-op"
    assert found["one"]["address"] != found["two"]["address"]
    script = "import socket; s = socket.create_server(('', 7)); c = s.accept()[0]; c.sendall(b'here is two'); c.close()"
    with subprocess.Popen([*found["two"]["channel"], "python3", "-c", script]) as server:
        asking = f"""
import socket, time
for _ in range(50):
    try:
        print(socket.create_connection(({str(found["two"]["address"])!r}, 7), 5).recv(99).decode())
        break
    except OSError:
        time.sleep(0.2)
"""
        assert run(found["one"]["channel"], "python3", "-c", asking) == "here is two"
        server.wait(20)


def test_guest_that_never_answers_is_told_with_its_console(guests: Vms) -> None:
    """An image that says it has a helper, and has none that answers in time."""
    with pytest.raises(Failed, match="did not get ready: the guest helper did not answer within 1 s") as failed:
        guests.create(memory="256MiB", ready={"timeout": "1s"})
    assert failed.value.error["path"] == "/ready"
    assert not guests.folder().exists()


def test_a_run_that_is_stopped_does_not_wait_for_a_guest(guests: Vms) -> None:
    """The machine boots on, for whoever resumes the run; nothing of it is taken away."""
    wanted = Vm(name="web", image=str(guests.image), memory=256 * 1024**2, acceleration="tcg", networks=[])
    began = time.monotonic()
    with pytest.raises(Canceled, match="web is still on its way"):
        keeping.bring(keeping.Place(guests.directory), wanted, {}, True, lambda: True)
    assert time.monotonic() - began < 60
    assert guests.seen().pid is not None
    guests.harness.delete("vm", guests.config())
