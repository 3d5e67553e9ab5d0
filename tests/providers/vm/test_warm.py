"""Templates and warm clones, with real guests: alike but for all that makes a machine itself."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest
from aivp_guest.client import Guest
from aivp_guest.ready import Ready
from aivp_sdk.testing import Failed
from aivp_vm.machine import client, places, warm

from tests.providers.vm.conftest import Herd


def test_clones_are_machines_of_their_own(herd: Herd) -> None:
    template = herd.folder("golden")
    assert herd.state(herd.golden) == "template"
    assert herd.harness.plan("vm", herd.golden).action == "no-op"
    before = _sums(template)

    configs = [herd.clone("one"), herd.clone("two", hostname="zwei")]
    assert [herd.harness.plan("vm", config).action for config in configs] == ["no-op", "no-op"]
    assert all(herd.seen(name).state.is_warm for name in ("one", "two"))
    first, second = herd.facts("one"), herd.facts("two")
    for one, other in zip(_own(first[0]), _own(second[0]), strict=True):
        assert one != other
    golden = herd.seen("golden").state.host_keys
    assert not {*first[0].ssh_host_keys, *second[0].ssh_host_keys} & set(golden)
    assert (first[0].hostname, second[0].hostname) == ("one", "zwei")
    assert [herd.harness.observe("vm", config).observed["mac"] for config in configs] == [  # type: ignore[index]
        ready.links[0].mac for ready in (first[0], second[0])
    ]
    assert first[1] != second[1]
    assert len(first[1]) == 32
    assert not set(first[2].split()) & set(second[2].split()) & _own_addresses(first[2])
    assert abs(first[0].clock - time.time()) < 30
    assert not first[0].problems
    assert not second[0].problems

    with Guest(herd.folder("one") / places.GUEST) as guest:  # what one writes stays its own
        guest.run(["sh", "-c", "echo mine >/proc/sys/kernel/domainname; echo mine >/root/mine; sync"])
    with Guest(herd.folder("two") / places.GUEST) as guest:
        assert guest.run(["sh", "-c", "grep mine /proc/sys/kernel/domainname /root/mine"]).stdout == b""
    assert _sums(template) == before


def test_template_in_use_stays_as_it_is(herd: Herd) -> None:
    herd.clone("user", state="stopped")
    with pytest.raises(Failed, match=r"the template golden cannot be removed: .*user.* on it"):
        herd.harness.delete("vm", herd.golden)
    with pytest.raises(Failed, match="cannot be changed"):
        herd.harness.update("vm", {**herd.golden, "memory": "300MiB"})
    assert warm.flaw(herd.folder("golden")) == ""


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("memory", "300MiB", "memory is not as with the template golden"),
        ("cpus", 2, "cpus is not as with the template golden"),
        ("networks", [], "it has 0 network cards, and its template has 1"),
        ("cloud_init", {"run": ["true"]}, "cloud-init in it hears nothing"),
    ],
)
def test_differences_are_refused_by_name(herd: Herd, field: str, value: Any, text: str) -> None:
    with pytest.raises(Failed, match=text) as failed:
        herd.clone("other", **{field: value})
    assert failed.value.error["path"] == f"/{field}"
    assert not herd.folder("other").exists()


def test_no_template(herd: Herd, tmp_path: Path) -> None:
    with pytest.raises(Failed, match="is no template that was frozen"):
        herd.harness.create("vm", {"name": "lost", "clone_of": str(tmp_path)})
    with pytest.raises(Failed, match="never paused"):
        herd.create("odd", template=True, state="paused")


def test_tampered_memory_is_not_started_from(herd: Herd) -> None:
    """It boots, and that is said: its disks are as good as ever."""
    memory = herd.folder("golden") / warm.MEMORY
    was = memory.stat()
    os.utime(memory, ns=(was.st_atime_ns, was.st_mtime_ns + 1))
    try:
        herd.clone("booted", ready={"by": "none"})
        assert not herd.seen("booted").state.is_warm
        assert any("boots, instead of a warm start" in str(note) for note in herd.harness.notes)
    finally:
        os.utime(memory, ns=(was.st_atime_ns, was.st_mtime_ns))


def _own(ready: Ready) -> tuple[object, ...]:
    """What makes a machine itself."""
    return ready.machine_id, ready.hostname, ready.ssh_host_keys, ready.links[0].mac


def _own_addresses(table: bytes) -> set[bytes]:
    return {line.split()[0] for line in table.splitlines() if line.split()[-1] != b"lo"}


def _sums(template: Path) -> dict[str, str]:
    files = [template / warm.MEMORY, template / warm.DEVICES, *(template / places.DISKS).iterdir()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
def test_a_clone_that_boots_later_is_who_it_was(herd: Herd) -> None:
    config = herd.clone("later")
    before, _, _ = herd.facts("later")
    client.ask(herd.folder("later"), "reboot", wait=200)
    client.ask(herd.folder("later"), "wait", wait=200)
    after, _, _ = herd.facts("later")
    assert not herd.seen("later").state.is_warm
    assert _own(after) == _own(before)
    assert after.boot_id != before.boot_id
    assert herd.harness.plan("vm", config).action == "no-op"
