"""Nothing of a host remains, whatever ends its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from tests import lab
from tests.lab.places import Places

pytestmark = pytest.mark.lab

_OWNER = """\
import sys, time
from tests import lab
with lab.host(name=sys.argv[1]) as host:
    print(host.name, flush=True)
    time.sleep(600)
"""

Traces = Callable[[str], list[str]]


def _owner(name: str) -> subprocess.Popen[str]:
    """A process that owns a running host."""
    process = subprocess.Popen(
        [sys.executable, "-c", _OWNER, name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == name
    return process


def test_nothing_remains_after_the_block(needs_lab: None, traces: Traces) -> None:
    with lab.host() as host:
        name = host.name
        assert traces(name)
    assert traces(name) == []


def test_nothing_remains_after_an_exception(needs_lab: None, traces: Traces) -> None:
    name = f"exception-{os.getpid()}"
    with pytest.raises(ValueError, match="on purpose"), lab.host(name=name):
        raise ValueError("on purpose")
    assert traces(name) == []


def test_nothing_remains_of_commands_that_still_run(needs_lab: None, traces: Traces) -> None:
    with lab.host() as host:
        name = host.name
        command = subprocess.Popen([*host.argv, "sleep", "600"])
    assert command.wait(5) != 0
    assert traces(name) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_remains_after_a_signal(number: signal.Signals, needs_lab: None, traces: Traces) -> None:
    name = f"signal-{number}-{os.getpid()}"
    process = _owner(name)
    process.send_signal(number)
    assert process.wait(20) != 0
    assert traces(name) == []


def test_sweep_removes_what_a_killed_owner_left(needs_lab: None, traces: Traces) -> None:
    name = f"killed-{os.getpid()}"
    process = _owner(name)
    assert traces(name)
    process.kill()
    process.wait()
    lab.sweep()
    assert traces(name) == []


def test_the_next_start_sweeps(needs_lab: None, traces: Traces) -> None:
    name = f"swept-{os.getpid()}"
    process = _owner(name)
    process.kill()
    process.wait()
    with lab.host():
        assert traces(name) == []


def test_sweep_leaves_hosts_of_the_living_and_takes_folders_of_nobody(needs_lab: None, where: Places) -> None:
    nobodys = where.hosts / f"nobody-{os.getpid()}"
    with lab.host() as host:
        nobodys.mkdir()
        lab.sweep()
        assert not nobodys.exists()
        assert host.run(["true"]).returncode == 0


def test_a_host_that_stays_ends_with_the_owner_it_was_given(needs_lab: None, traces: Traces) -> None:
    name = f"given-{os.getpid()}"
    with subprocess.Popen(["sleep", "600"]) as given:
        subprocess.run([sys.executable, "-m", "tests.lab", "up", name, "--owner", str(given.pid)], check=True)
        lab.sweep()
        assert traces(name)
        given.kill()
    lab.sweep()
    assert traces(name) == []


def test_a_name_is_given_once(needs_lab: None) -> None:
    with lab.host() as host, pytest.raises(lab.LabError, match="already"), lab.host(name=host.name):
        pass


@pytest.mark.parametrize("name", ["../up", "-x", "Web", "a" * 64])
def test_what_is_no_host_name_is_refused(name: str, needs_lab: None) -> None:
    with pytest.raises(lab.LabError, match="is no host name"), lab.host(name=name):
        pass


def test_a_host_that_does_not_boot_says_so_and_goes(needs_lab: None, traces: Traces) -> None:
    with lab.host() as host:
        name = host.name
        host.poweroff()
        (host.root / "usr/lib/systemd/systemd").unlink()
        with pytest.raises(lab.LabError, match="ended while it started"):
            host.start()
    assert traces(name) == []


def test_hosts_of_several_threads(needs_lab: None, traces: Traces) -> None:
    names: list[str] = []

    def use() -> None:
        with lab.host() as host:
            host.run(["true"])
            names.append(host.name)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 4
    assert [trace for name in names for trace in traces(name)] == []
