"""The kind `vm` with real guests: made, changed in place, killed, mended, and gone without a trace."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from aivp_sdk.testing import Failed

from tests.providers.vm.conftest import Vms, until


def processes(directory: Path) -> list[str]:
    """Command lines of all that works below a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            where = os.readlink(entry / "cwd")
            if where.startswith(str(directory)):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def test_life_of_a_vm(vms: Vms) -> None:
    config = vms.config()
    assert vms.harness.plan("vm", config).action == "create"
    outputs = vms.harness.create("vm", config).outputs
    assert outputs["accelerator"] == "tcg"
    assert outputs["path"] == str(vms.folder())
    assert vms.harness.plan("vm", config).action == "no-op"
    vms.booted()
    assert (vms.image / "users/web").exists()

    config["state"] = "stopped"
    vms.harness.update("vm", config)
    assert "Power down" in vms.console()  # by its own hand, not by a cut
    config["state"] = "running"
    vms.harness.update("vm", config)
    vms.booted(times=2)
    config["state"] = "paused"
    vms.harness.update("vm", config)
    assert vms.seen().status == "paused"

    vms.harness.delete("vm", config)
    until(lambda: not processes(vms.directory), "the end of its processes")
    assert not vms.folder().exists()
    assert not (vms.image / "users").exists()
    assert not (vms.directory / "programs").exists()


def test_killed_qemu_is_drift_and_mended(vms: Vms) -> None:
    config = vms.create()
    pid = vms.seen().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: vms.state(config) == "crashed", "the crash")
    (change,) = vms.harness.update("vm", config).changes
    assert (change.path, change.before, change.after) == ("/state", "crashed", "running")
    assert vms.seen().pid not in (None, pid)


def test_killed_supervisor_leaves_the_vm_and_is_replaced(vms: Vms) -> None:
    config = vms.create()
    before = vms.seen()
    assert before.supervisor is not None
    os.kill(before.supervisor, signal.SIGKILL)
    until(lambda: vms.state(config) == "unsupervised", "the death of the supervisor")
    vms.harness.update("vm", config)
    after = vms.seen()
    assert after.pid == before.pid
    assert after.supervisor not in (None, before.supervisor)
    vms.booted()  # the console goes on


def test_ports_change_live(vms: Vms) -> None:
    ports = [_free_port(), _free_port()]
    config = vms.create(networks=[{"forwards": [{"listen": ports[0], "port": 80}]}])
    pid = vms.seen().pid
    assert _listens(ports[0])
    config["networks"] = [{"forwards": [{"listen": ports[1], "port": 80}]}]
    vms.harness.update("vm", config)
    assert _listens(ports[1])
    assert not _listens(ports[0])
    assert vms.seen().pid == pid


def test_port_in_use_is_told_and_nothing_remains(vms: Vms) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Failed, match=f"{port}/tcp of the host cannot be forwarded: Address already in use"):
            vms.create(networks=[{"forwards": [{"listen": port, "port": 80}]}])
    assert not vms.folder().exists()
    assert not (vms.image / "users").exists()
    assert processes(vms.directory) == []


def test_disks_grow_in_place_and_never_shrink(vms: Vms) -> None:
    config = vms.create(disks=[{"name": "data", "size": "1MiB", "format": "raw"}])
    pid = vms.seen().pid
    config["disks"][0]["size"] = "4MiB"
    changes = vms.harness.update("vm", config).changes
    assert [change.path for change in changes] == ["/disks/data/size"]
    assert vms.seen().pid == pid
    config["disks"][0]["size"] = "2MiB"
    with pytest.raises(Failed, match="disks do not shrink"):
        vms.harness.update("vm", config)


def test_tampered_image_is_refused(vms: Vms) -> None:
    kernel = vms.image / "vmlinuz"
    content = bytearray(kernel.read_bytes())
    content[1000] ^= 1
    kernel.unlink()  # it is a link to the one that all tests share
    kernel.write_bytes(content)
    with pytest.raises(Failed, match="vmlinuz is not what it was when the image was made") as failed:
        vms.create()
    assert failed.value.error["path"] == "/image"
    assert not vms.folder().exists()


def test_missing_kernel_is_named(vms: Vms) -> None:
    (vms.image / "vmlinuz").unlink()
    with pytest.raises(Failed, match="vmlinuz of the image cannot be read: No such file"):
        vms.create()
    assert not vms.folder().exists()


def test_more_memory_than_there_is(vms: Vms) -> None:
    with pytest.raises(Failed, match="memory"):
        vms.create(memory="900000GiB")
    assert not vms.folder().exists()


def test_half_made_vm_is_finished(vms: Vms) -> None:
    """As after a death in the middle of a creation: the record is there, and nothing else."""
    config = vms.config()
    vms.folder().mkdir(parents=True)
    (vms.folder() / "spec.json").write_text('{"version": 1, "instance": "6f1c0000-0000-4000-8000-000000000001"}')
    assert vms.state(config) is None
    assert vms.harness.create("vm", config).outputs["instance"] == "6f1c0000-0000-4000-8000-000000000001"


def test_removal_is_finished_by_the_next(vms: Vms) -> None:
    config = vms.create()
    pid = vms.seen().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    (vms.folder() / "program").unlink()  # its supervisor lives, its program has gone already
    vms.harness.delete("vm", config)
    assert processes(vms.directory) == []


def test_many_are_observed_in_one_pass(vms: Vms) -> None:
    config = vms.create(state="stopped")
    source = (vms.folder() / "spec.json").read_text()
    for number in range(200):
        folder = vms.folder(f"vm{number}")
        folder.mkdir()
        (folder / "spec.json").write_text(source)
    config["memory"] = 128 << 20
    names = [f"vm{number}" for number in range(200)]
    items = [{"id": n, "kind": "vm", "identity": {"name": n}, "config": {**config, "name": n}} for n in names]
    before = os.times()
    answers = vms.harness.request("observe", {"items": items})["items"]
    after = os.times()
    assert all(answer["observation"]["observed"]["state"] == "stopped" for answer in answers)
    assert after.user + after.system - before.user - before.system < 1.0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    ("fields", "path", "what"),
    [
        ({"image": "/etc"}, "/image", "/etc is no image: there is no image.json"),
        (
            {"networks": [{"forwards": [{"listen": 0, "port": 80}]}]},
            "/networks/0/forwards/0/listen",
            "0 is no port of the host",
        ),
        (
            {"networks": [{"forwards": [{"listen": "lo:http", "port": 80}]}]},
            "/networks/0/forwards/0/listen",
            "'lo:http' is no port of the host",
        ),
    ],
)
def test_what_can_never_be_is_told_before_anything_is_made(
    vms: Vms, fields: dict[str, Any], path: str, what: str
) -> None:
    with pytest.raises(Failed, match=re.escape(what)) as failed:
        vms.harness.observe("vm", vms.config(**fields))
    assert failed.value.error["path"] == path
    assert failed.value.error["mend"]
    assert not vms.folder().exists()
