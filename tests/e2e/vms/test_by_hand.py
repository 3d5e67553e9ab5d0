"""aivp vm against real guests: what people do with them beside plans, and that nothing of one stays behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aivp.model.object import Object
from aivp.model.place import DEFAULT
from aivp.state import open_state
from tests.cli.test_commands import AIVP, Shell
from tests.e2e.ssh.test_vms import typed
from tests.lab.availability import available
from tests.lab.errors import LabError
from tests.lab.helped_image import copy, helped_image
from tests.lab.machines import machines_available
from tests.lab.places import places as lab_places
from tests.lab.recipe import DEFAULT_SUITE
from tests.lab.small_image import small_image
from tests.providers.vm.conftest import Vms

PROJECT = """aivp: v1
project: calm
providers: {{vm: {{folder: {folder}}}}}
hosts: {{lab: {{transport: local}}}}
"""


class Room(Shell):
    """A project that knows the VMs that are made in it."""

    def __init__(self, folder: Path, image: Path) -> None:
        super().__init__(folder)
        self.vms = Vms(folder / "vm", copy(image, folder / "image"))
        (self.folder / "aivp.yaml").write_text(PROJECT.format(folder=self.vms.directory))

    def make(self, name: str, *, is_known: bool = True, **fields: Any) -> None:
        config = self.vms.config(name, **fields)
        outputs = self.vms.harness.create("vm", config).outputs
        if is_known:
            self.know(name, config, outputs)

    def know(self, name: str, config: dict[str, Any], outputs: Any) -> None:
        way = {"transport": "local", "connection": {}}
        row = Object(f"vm.{name}@lab", "vm", "lab", {"name": name}, "created", config, outputs, connection=way)
        with contextlib.closing(open_state(DEFAULT, self.folder, "calm", "main")) as state:
            state.put([row])

    def says(self, *words: str) -> str:
        done = self.run("vm", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    yield from _room(tmp_path, lambda: small_image(lab_places(os.environ)))


@pytest.fixture
def helped(tmp_path: Path) -> Iterator[Room]:
    yield from _room(tmp_path, lambda: helped_image(lab_places(os.environ), os.environ))


def _room(folder: Path, image: Any) -> Iterator[Room]:
    reason = machines_available() or available(DEFAULT_SUITE)
    if reason is not None:
        pytest.skip(reason)
    try:
        made = Room(folder, image())
    except LabError as error:
        pytest.skip(f"no image of a guest: {error}")
    yield made
    made.vms.close()


def test_a_day_with_vms(room: Room) -> None:
    room.make("web", disks=[{"name": "data", "size": "16MiB"}])
    room.make("left", is_known=False)
    room.vms.booted("web")
    rows = [line.split()[:2] for line in room.says("list").splitlines()]
    assert rows == [["VM", "STATE"], ["vm.web@lab", "running"], ["left", "on"]]
    assert "GUEST-IS-UP" in room.says("logs", "web", "--log", "console")
    assert "started QEMU" in room.says("logs", "web", "--log", "supervisor")
    assert "%" in room.says("top").splitlines()[1]

    environ = {**os.environ, **room.environ}
    said = typed([AIVP, "vm", "console", "web"], room.folder, environ, b"\r", b"leaves", b"echo so''metimes\r", b"\x1d")
    assert b"sometimes" in said

    assert room.says("pause", "web") == "vm.web@lab: paused\n"
    assert room.says("start", "web") == "vm.web@lab: running\n"
    assert room.says("snapshot", "web", "before", "--memory") == "vm.web@lab: kept as before\n"
    assert room.says("snapshots", "web").splitlines()[1].split()[0] == "before"
    assert room.says("restore", "web", "before", "-y").startswith("vm.web@lab: is as it was at before\n")
    assert "running" in room.says("list")
    assert room.says("delete-snapshot", "web", "before", "-y") == "vm.web@lab: before is deleted\n"
    assert b"AIVP0987" in room.run("vm", "restore", "web", "before", "-y").stderr
    assert room.says("stop", "web") == "vm.web@lab: stopped\n"
    assert "Power down" in room.vms.console("web")

    assert room.says("prune", "-y").endswith("left on lab: removed\n")
    assert not room.vms.folder("left").exists()
    assert sorted(path.name for path in (room.vms.image / "users").iterdir()) == ["web"]


@pytest.mark.slow
def test_in_by_the_guest_helper(helped: Room) -> None:
    helped.make("web", memory="320MiB", networks=None, hostname="the-web")
    assert helped.says("exec", "web", "--", "uname", "-n") == "the-web\n"
    assert helped.code("vm", "exec", "web", "--", "sh", "-c", "exit 7") == 7
    data = os.urandom(1 << 20)
    done = subprocess.run(
        [AIVP, "vm", "exec", "web", "--", "cat"],
        cwd=helped.folder,
        env=helped.environ,
        input=data,
        capture_output=True,
        check=False,
    )
    assert done.stdout == data

    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(helped.folder / "key")], check=True)
    public = (helped.folder / "key.pub").read_text().strip()
    prepare = (
        'ssh-keygen -A >&2; mkdir -p /run/sshd /root/.ssh; echo "$0" > /root/.ssh/authorized_keys;'
        " chmod 700 /root/.ssh; /usr/sbin/sshd; cat /etc/ssh/ssh_host_ed25519_key.pub"
    )
    key = helped.says("exec", "web", "--", "sh", "-c", prepare, public)
    config = helped.vms.config("web", memory="320MiB", networks=None, hostname="the-web")
    outputs = {**helped.vms.harness.observe("vm", config).computed, "host_keys": [key.strip()]}
    helped.know("web", config, outputs)
    assert helped.says("ssh", "web", "-l", "root", "-i", "key", "--", "uname", "-n") == "the-web\n"
