"""Real QEMUs on the wires of mode user: their boot ROMs ask for an address, before and after the hub is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time

import pytest

from tests.providers.network.nobody import Nobody
from tests.providers.network.test_user_mode import LAB, Wire

QEMU = "qemu-system-x86_64"
PATIENCE = 60


@pytest.mark.slow
@pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"missing: {QEMU}")
def test_frames_of_qemu_go_over_the_hub(nobody: Nobody) -> None:
    with nobody.harness() as harness:
        harness.create("network", LAB)
        leases = [nobody.port("attach", name, "0") for name in "ab"]
        listener = Wire(nobody.port("attach", "c", "0"))
        machines = [boot(nobody, lease) for lease in leases]
        try:
            assert heard(listener, {lease["mac"] for lease in leases})
            os.kill(int((nobody.network() / "wires/hub.lock").read_text()), signal.SIGKILL)
            time.sleep(0.2)
            nobody.port("attach", "c", "0")
            assert heard(listener, {leases[0]["mac"]}), "they go on, and did not notice"
        finally:
            for machine in machines:
                machine.kill()
                machine.wait()
        listener.socket.close()
        harness.delete("network", LAB)


def boot(nobody: Nobody, lease: dict[str, object]) -> subprocess.Popen[bytes]:
    """A machine without a disk, which boots over the network."""
    cards = [(lease["netdev"][0], lease["mac"], ""), (lease["user"]["netdev"], lease["user"]["mac"], ",romfile=")]  # type: ignore[index]
    argv = [QEMU, "-machine", "pc,accel=tcg", "-m", "64", "-display", "none", "-nodefaults", "-no-user-config"]
    for number, (netdev, mac, more) in enumerate(cards):
        argv += ["-netdev", f"{netdev},id=n{number}", "-device", f"virtio-net-pci,netdev=n{number},mac={mac}{more}"]
    return subprocess.Popen(["nice", "-n", "5", *nobody.argv, *argv, "-boot", "n"])


def heard(listener: Wire, macs: set[str]) -> bool:
    """True once frames of all of them have come."""
    until, missing = time.monotonic() + PATIENCE, set(macs)
    listener.socket.settimeout(1)
    while missing and time.monotonic() < until:
        try:
            missing.discard(listener.socket.recv(2000)[6:12].hex(":"))
        except TimeoutError:
            continue
    return not missing
