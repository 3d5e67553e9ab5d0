"""Several hosts in a private network, reached over real SSH; nothing of the machine's own network takes part."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import lab

pytestmark = pytest.mark.lab

_SHOW = "echo $(id -un) $(uname -n) $SSH_CONNECTION"

Traces = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def network(needs_network: None) -> Iterator[lab.Network]:
    with lab.network() as laid:
        laid.hosts({"web1": lab.DEFAULT_SUITE, "web2": lab.DEFAULT_SUITE})
        yield laid


def _run(argv: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=False)


def test_each_host_answers_at_its_own_address(network: lab.Network) -> None:
    web1, web2 = network.all
    assert (web1.address, web1.address6, web2.address) == ("10.77.0.11", "fd77::11", "10.77.0.12")
    for place in ("web1", web1.address):
        seen = _run(network.ssh(place, _SHOW))
        assert seen.stdout.split()[:3] == ["root", "web1", "10.77.0.1"], seen.stderr
        assert seen.stdout.split()[4] == "10.77.0.11"
    assert _run(network.ssh(web2.address6, _SHOW)).stdout.split()[:3] == ["root", "web2", "fd77::1"]


def test_accounts_differ_in_what_sudo_asks(network: lab.Network) -> None:
    assert _run(network.ssh("web1", "sudo -n id -un", user="deploy")).stdout == "root\n"
    assert "password is required" in _run(network.ssh("web1", "sudo -n id -un", user="asks")).stderr
    told = _run(network.ssh("web1", "sudo -S -p '' id -un", user="asks"), f"{lab.ASKS_PASSWORD}\n")
    assert told.stdout == "root\n"
    told = _run(network.ssh("web1", "sudo -S -p '' id -un", user="plain"), f"{lab.ASKS_PASSWORD}\n")
    assert told.returncode == 1


def test_a_host_whose_key_is_not_known_is_refused(network: lab.Network, tmp_path: Path) -> None:
    empty = tmp_path / "known_hosts"
    empty.touch()
    seen = _run(network.ssh("web1", "true", options=["-o", f"UserKnownHostsFile={empty}"]))
    assert seen.returncode == 255
    assert "Host key verification failed" in seen.stderr
    keys = [line.split()[1:] for line in network.client.known_hosts.read_text().splitlines()]
    assert len(keys) == 4
    assert len({key for _, key in keys}) == 4, "two hosts have one key"


def test_a_host_reaches_the_other_as_a_jump(network: lab.Network) -> None:
    jump = f"ssh -F {network.client.config} -W %h:%p web1"
    seen = _run(network.ssh("web2", _SHOW, options=["-o", f"ProxyCommand={jump}"]))
    assert seen.stdout.split()[:3] == ["root", "web2", "10.77.0.11"], seen.stderr


def test_only_the_thread_that_joined_is_inside(network: lab.Network) -> None:
    outside = os.stat("/proc/thread-self/ns/net").st_ino
    with network.joined():
        with socket.create_connection((network.all[0].address, 22), 5) as opened:
            assert opened.recv(8) == b"SSH-2.0-"
        inside = subprocess.run(["stat", "-Lc", "%i", "/proc/self/ns/net"], capture_output=True, text=True, check=True)
        assert int(inside.stdout) != outside
    assert os.stat("/proc/thread-self/ns/net").st_ino == outside


def test_loopback_works_inside_and_nothing_of_this_machine_is_there(network: lab.Network) -> None:
    script = "import socket; [socket.create_server((a, 0), family=f) for a, f in (('127.0.0.1', 2), ('::1', 10))]"
    assert _run([*network.argv, sys.executable, "-c", script]).returncode == 0
    shown = _run([*network.argv, "ip", "-json", "route"])
    assert [route["dst"] for route in json.loads(shown.stdout)] == ["10.77.0.0/24"]


def test_a_host_is_reached_again_after_a_reboot(network: lab.Network) -> None:
    web2 = network.all[1]
    web2.link.cut()
    web2.host.reboot()
    assert _run(network.ssh("web2", "uname -n")).stdout == "web2\n"


def test_a_name_is_given_once_in_a_network(network: lab.Network) -> None:
    with pytest.raises(lab.LabError, match="has a host 'web1' already"):
        network.host("web1")
    with pytest.raises(lab.LabError, match="is no host name"), lab.network("../up"):
        pass
    with pytest.raises(lab.LabError, match="already"), lab.network(network.name):
        pass


@pytest.mark.slow
def test_every_suite_answers(needs_network: None) -> None:
    with lab.network() as network:
        network.hosts({f"{suite}{number}": suite for suite in lab.SUITES for number in (1, 2)})
        for host in network.all:
            release = _run(network.ssh(host.name, "cat /etc/os-release", user="plain"))
            assert f"VERSION_CODENAME={host.host.suite}\n" in release.stdout, release.stderr


def test_nothing_remains_of_a_network(needs_network: None, traces: Traces) -> None:
    with lab.network() as network:
        web = network.host("web")
        web.link.delay(0.01)
        command = subprocess.Popen(network.ssh("web", "sleep", "600"), stderr=subprocess.DEVNULL)
        assert traces(network.name)
        assert traces(web.host.name)
    assert command.wait(5) != 0
    assert traces(network.name) == traces(web.host.name) == []


_OWNER = """\
import sys, time
from tests import lab
with lab.network(sys.argv[1]) as network:
    network.host("web").link.delay(0.01)
    print("ready", flush=True)
    time.sleep(600)
"""


def test_sweep_removes_what_a_killed_owner_left(needs_network: None, traces: Traces) -> None:
    name = f"killed-net-{os.getpid()}"
    owner = subprocess.Popen([sys.executable, "-c", _OWNER, name], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "ready\n"
    owner.kill()
    owner.communicate()
    lab.sweep()
    assert traces(name) == []


def test_up_and_down_at_a_shell(needs_network: None, traces: Traces) -> None:
    def lab_command(*arguments: str) -> str:
        argv = [sys.executable, "-m", "tests.lab", *arguments]
        return subprocess.run(argv, capture_output=True, check=True, text=True).stdout

    name = f"shell-net-{os.getpid()}"
    try:
        shown = json.loads(lab_command("network", name, "web", f"db={lab.DEFAULT_SUITE}"))
        lab.sweep()
        argv = [*shown["argv"], "ssh", "-F", shown["ssh_config"], "db", "uname", "-n"]
        assert _run(argv).stdout == "db\n"
        assert sorted(shown["hosts"]) == ["db", "web"]
    finally:
        lab_command("down", name)
    assert traces(name) == []
