"""aivp vm for VMs that stand on a host over SSH, as root there by sudo: everything goes by that host's own channel.

The folder of a VM with a stand-in for its program; the sshd that is logged in to is the host's own, its key pinned.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from aivp.model.object import Object
from aivp.model.place import DEFAULT
from aivp.state import open_state
from tests.cli.vms import PARTS
from tests.e2e.faults.world import AIVP
from tests.e2e.ssh.conftest import Site

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("ssh")]

PROJECT = "aivp: v1\nproject: far\nhosts:\n  web1: {transport: ssh, user: deploy, become: sudo}\n"
FOLDER = "/srv/site/vms/web"


def make(site: Site, address: str) -> None:
    """A VM that state knows. address: where its sshd seems to be."""
    site.declare(PROJECT)
    host = site.on("web1")
    host.write(f"{FOLDER}/program/ctl.py", (PARTS / "ctl.py").read_text())
    host.write(f"{FOLDER}/enter.py", (PARTS / "enter.py").read_text())
    host.write(f"{FOLDER}/spec.json", '{"status": "running", "address": "10.7.0.2"}')
    host.write(f"{FOLDER}/console.log", "one\ntwo\n")
    host.run(["chmod", "700", "/srv/site/vms"])
    keys = [host.run(["cat", "/etc/ssh/ssh_host_ed25519_key.pub"]).stdout.strip()]
    outputs = {"path": FOLDER, "address": address, "host_keys": keys, "instance": "12345678-9"}
    know(site, outputs)


def know(site: Site, outputs: dict[str, Any]) -> None:
    way = {"transport": "ssh", "connection": {"address": "web1"}}
    row = Object("vm.web@web1", "vm", "web1", {"name": "web"}, "created", {"name": "web"}, outputs, connection=way)
    with contextlib.closing(open_state(DEFAULT, site.folder, "far", "main")) as state:
        state.put([row])


def test_by_hand_over_ssh(site: Site) -> None:
    make(site, "127.0.0.1")
    assert "vm.web@web1  running" in site.succeed("vm", "list")
    assert site.succeed("vm", "stop", "web") == "vm.web@web1: stopped\n"
    assert site.succeed("vm", "exec", "web", "--", "sh", "-c", 'echo "$WITHIN $(id -un) a  b"') == "web root a  b\n"
    assert site.aivp("vm", "exec", "web", "--", "sh", "-c", "exit 9").code == 9
    assert site.succeed("vm", "logs", "web", "--log", "console") == "one\ntwo\n"
    assert "STATE" in site.succeed("vm", "top")


@pytest.mark.parametrize(("address", "words"), [("127.0.0.1", ()), ("127.0.0.1", ("--by-helper",)), ("127.0.0.9", ())])
def test_ssh_by_address_or_by_the_guest_helper(site: Site, address: str, words: tuple[str, ...]) -> None:
    make(site, address)
    said = site.succeed("vm", "ssh", "web", "-l", "deploy", *words, "--", "echo", "in as", "$USER")
    assert said.endswith("in as deploy\n")


def test_a_host_key_that_the_guest_never_told_is_refused(site: Site) -> None:
    make(site, "127.0.0.1")
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "B" * 43
    know(site, {"path": FOLDER, "address": "127.0.0.1", "host_keys": [key]})
    result = site.aivp("vm", "ssh", "web", "-l", "deploy", "--", "true")
    assert result.code == 255
    assert "IDENTIFICATION HAS CHANGED" in result.text or "Host key verification failed" in result.text


def test_the_console_has_a_terminal_over_there(site: Site) -> None:
    make(site, "127.0.0.1")
    site.on("web1").write(
        f"{FOLDER}/program/ctl.py",
        "import os, sys\nprint('tty' if os.isatty(0) else 'none', flush=True)\nprint(input().upper(), flush=True)\n",
    )
    environ = {**os.environ, **site.environment}
    said = typed([str(AIVP), "vm", "console", "web"], site.folder, environ, b"hello\r", b"tty")
    assert b"tty" in said
    assert b"HELLO" in said


def typed(argv: list[str], folder: Path, environ: dict[str, str], keys: bytes, after: bytes, *more: bytes) -> bytes:
    """What a terminal shows of a program that is given `keys` once it has said `after`; more: each two seconds on."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(argv, cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said, left = b"", [keys, *more]
    deadline = time.monotonic() + 60
    due = deadline
    try:
        while time.monotonic() < deadline:
            if left and ((after in said and due == deadline) or time.monotonic() > due):
                os.write(ours, left.pop(0))
                due = time.monotonic() + 2
            if select.select([ours], [], [], 0.2)[0]:
                data = read(ours)
                if not data:
                    break
                said += data
        process.wait(20)
    finally:
        process.kill()
        os.close(ours)
    return said


def read(terminal: int) -> bytes:
    """Nothing, where whoever is behind it has gone."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
