"""The supervisor with a real QEMU: restarts by policy, and what people's programs ask of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aivp_vm.machine import client
from aivp_vm.machine.console import Log

from tests.providers.vm.conftest import Vms, until


def ctl(vms: Vms, *words: str, **options: Any) -> dict[str, Any]:
    """What the program beside the VMs answers."""
    argv = [client.python(), "-I", str(vms.folder() / "program/ctl.py"), str(vms.folder().parent), *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, **options)
    answer: dict[str, Any] = {**json.loads(done.stdout), "code": done.returncode}
    return answer


def kill(vms: Vms) -> int:
    """End QEMU as a crash would; its process id."""
    pid = vms.seen().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def test_crash_is_mended_by_policy_with_growing_delays(vms: Vms) -> None:
    vms.create(restart={"policy": "on-failure", "delay": 1, "limit": 2})
    first = kill(vms)
    until(lambda: vms.seen().status == "waiting", "the wait")
    until(lambda: vms.seen().status == "running", "its next start")
    second = kill(vms)
    assert second != first
    until(lambda: vms.seen().status == "running" and vms.seen().state.failures == 2, "one more start")
    kill(vms)
    until(lambda: vms.seen().status == "crashed", "the end of patience")


def test_guest_that_shuts_itself_down_is_no_crash(vms: Vms) -> None:
    config = vms.create(restart={"policy": "on-failure"})
    vms.booted()
    with client.connected(vms.folder(), 30) as link:
        client.call(link, "console")
        link.sendall(b"poweroff -f\n")
        until(lambda: vms.seen().pid is None, "the end of the guest")
    until(lambda: vms.seen().status == "stopped", "the word of the supervisor")
    assert vms.state(config) == "stopped"
    until(lambda: vms.seen().supervisor is None, "the end of the supervisor, which has nothing to do")


def test_people_ask_the_program_beside_it(vms: Vms) -> None:
    vms.create()
    (listed,) = ctl(vms, "list")["vms"]
    assert (listed["name"], listed["status"], listed["memory"]) == ("web", "running", 128 << 20)
    assert listed["resident"] > 1 << 20
    assert ctl(vms, "pause", "web")["status"] == "paused"
    assert ctl(vms, "start", "web")["status"] == "running"
    assert ctl(vms, "stop", "web", "--force")["status"] == "stopped"
    assert ctl(vms, "pause", "web") == {"error": "it does not run", "code": 1}
    assert ctl(vms, "start", "web")["starts"] == 2
    assert "started QEMU" in ctl(vms, "logs", "web", "--log", "supervisor")["text"]
    assert ctl(vms, "status", "../web")["error"] == "there is no VM ../web"


def test_console_is_both_ways(vms: Vms) -> None:
    vms.create()
    vms.booted()
    argv = [client.python(), "-I", str(vms.folder() / "program/ctl.py"), str(vms.folder().parent), "console", "web"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as console:
        assert console.stdin is not None
        assert console.stdout is not None
        console.stdin.write(b"echo the answer is $((6 * 7))\n")
        console.stdin.flush()
        said = b""
        while b"the answer is 42" not in said:
            said += os.read(console.stdout.fileno(), 4096)
        console.stdin.write(b"\x1d")
        console.stdin.close()
        assert console.wait(10) == 0
    assert "the answer is 42" in vms.console()


def test_nonsense_is_answered(vms: Vms) -> None:
    vms.create()
    for asked, said in (("dance", "there is no verb 'dance'"), ("grow", "grow was asked for in a wrong form")):
        with pytest.raises(client.Refusal, match=said):
            client.ask(vms.folder(), asked)
    with pytest.raises(client.Refusal, match="The command nonsense has not been found"):
        client.ask(vms.folder(), "qmp", execute="nonsense")


def test_logs_are_bounded(tmp_path: Path) -> None:
    log = Log(tmp_path / "console.log", limit=100)
    for number in range(50):
        log.write(b"line %02d\n" % number)
    kept = (tmp_path / "console.log.1").read_bytes() + (tmp_path / "console.log").read_bytes()
    assert kept.endswith(b"line 48\nline 49\n")
    assert 100 <= len(kept) <= 200


def test_only_its_user_may_ask(vms: Vms) -> None:
    vms.create()
    for name in ("", "control.sock", "guest.sock", "spec.json"):
        assert (vms.folder() / name).stat().st_mode & 0o077 == 0


def test_crash_while_somebody_waits_is_told(vms: Vms) -> None:
    """A wait, and whatever else is asked for meanwhile, ends with the VM."""
    vms.create()
    form = json.loads((vms.folder() / "spec.json").read_text())
    form["machine"]["has_helper"] = True  # one that never answers
    (vms.folder() / "spec.json").write_text(json.dumps(form))
    ctl(vms, "stop", "web", "--force")
    client.ask(vms.folder(), "start")
    with client.connected(vms.folder(), 30) as link, client.connected(vms.folder(), 30) as other:
        link.sendall(b'{"verb": "wait", "timeout": 30}\n')
        other.sendall(b'{"verb": "stop", "timeout": 30}\n')
        kill(vms)
        assert b"it " in link.recv(4096)
        assert b'"ok": true' in other.recv(4096)
    assert vms.seen().status == "stopped"
