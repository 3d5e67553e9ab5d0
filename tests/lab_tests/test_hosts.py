"""A host is a real systemd machine that a test can use, and sees nothing of the one it runs on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import lab

pytestmark = pytest.mark.lab


def test_systemd_runs_as_init_with_no_failed_unit(host: lab.Host) -> None:
    assert host.run(["cat", "/proc/1/comm"]).stdout == "systemd\n"
    assert host.run(["systemctl", "is-system-running"]).stdout == "running\n"


def test_its_network_is_its_own_and_only_loopback(host: lab.Host) -> None:
    assert host.run(["ls", "/sys/class/net"]).stdout == "lo\n"
    assert host.run(["ip", "-brief", "address", "show", "lo"]).stdout.split()[2] == "127.0.0.1/8"
    assert os.stat(f"/proc/{host.pid}/ns/net").st_ino != os.stat("/proc/self/ns/net").st_ino


def test_the_channel_brings_no_environment_and_no_directory(host: lab.Host, tmp_path: Path) -> None:
    script = "import os, json; print(json.dumps([os.getcwd(), dict(os.environ)]))"
    environment = {**os.environ, "AIVP_LEAK": "1", "PYTHONPATH": "/nowhere"}
    done = subprocess.run(
        [*host.argv, "python3", "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    directory, seen = json.loads(done.stdout)
    assert directory == "/"
    assert seen.pop("LC_CTYPE", None) in (None, "C.UTF-8")
    assert sorted(seen) == ["HOME", "LANG", "LOGNAME", "PATH", "USER"]


def test_the_channel_carries_bytes(host: lab.Host) -> None:
    data = bytes(range(256)) * 4096
    assert subprocess.run([*host.argv, "cat"], input=data, capture_output=True, check=True).stdout == data


def test_a_command_that_fails_says_so(host: lab.Host) -> None:
    with pytest.raises(lab.CommandFailed, match=r"(?s)exit code 3.*too bad") as caught:
        host.run(["sh", "-c", "echo too bad >&2; exit 3"])
    assert caught.value.completed.returncode == 3
    assert host.run(["false"], check=False).returncode == 1


def test_what_is_written_is_read_inside_and_outside(host: lab.Host) -> None:
    host.write("/srv/new folder/it's", "äöü\n")
    assert host.read("/srv/new folder/it's") == "äöü\n"
    assert (host.root / "srv/new folder/it's").read_text(encoding="utf-8") == "äöü\n"


def test_it_has_its_own_name_and_nothing_of_this_machine(host: lab.Host) -> None:
    assert host.run(["uname", "-n"]).stdout.strip() == host.read("/etc/hostname").strip() == host.name
    assert host.read("/etc/resolv.conf") == ""
    assert "file:" in host.read("/etc/apt/sources.list")
    assert not list((host.root / "etc/ssh").glob("ssh_host_*"))


def test_a_folder_of_the_root_can_be_renamed(host: lab.Host) -> None:
    host.run(["python3", "-c", "import os; os.rename('/etc/skel', '/etc/skel2'); os.rename('/etc/skel2', '/etc/skel')"])


def test_two_hosts_at_once_do_not_see_each_other(host: lab.Host) -> None:
    with lab.host() as other:
        assert other.read("/etc/machine-id") != host.read("/etc/machine-id")
        other.write("/etc/only-there", "")
        assert not (host.root / "etc/only-there").exists()
        for one in (host, other):
            # In a control group that they shared, systemd could not list its own processes.
            status = one.run(["systemctl", "status", "dbus.service", "--no-pager"])
            assert "dbus-daemon" in status.stdout
            assert status.stderr == ""


def test_off_and_on_keeps_files_and_machine_id(needs_lab: None) -> None:
    with lab.host() as host:
        identity = host.read("/etc/machine-id")
        host.write("/etc/kept", "yes")
        host.reboot()
        assert (host.read("/etc/machine-id"), host.read("/etc/kept")) == (identity, "yes")
        host.kill()
        assert not host.is_running
        assert (host.root / "etc/kept").read_text() == "yes"
        with pytest.raises(lab.LabError, match="is off"):
            host.run(["true"])
        host.start()
        assert host.read("/etc/kept") == "yes"


def test_a_unit_that_fails_at_boot_is_named(needs_lab: None) -> None:
    with lab.host() as host:
        host.write("/etc/systemd/system/bad.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
        host.run(["systemctl", "add-wants", "multi-user.target", "bad.service"])
        host.poweroff()
        with pytest.raises(lab.LabError, match=r"(?s)failed:\nbad\.service"):
            host.start()


@pytest.mark.slow
@pytest.mark.parametrize("suite", [suite for suite in lab.SUITES if suite != lab.DEFAULT_SUITE])
def test_other_suites_boot(suite: str, needs_lab: None) -> None:
    reason = lab.available(suite)
    if reason is not None:
        pytest.skip(reason)
    with lab.host(suite) as host:
        assert f"VERSION_CODENAME={suite}\n" in host.read("/etc/os-release")


def test_up_list_down_at_a_shell(needs_lab: None, traces: Callable[[str], list[str]]) -> None:
    def lab_command(*arguments: str) -> str:
        argv = [sys.executable, "-m", "tests.lab", *arguments]
        return subprocess.run(argv, capture_output=True, check=True, text=True).stdout

    name = f"shell-{os.getpid()}"
    try:
        channel = json.loads(lab_command("up", name))
        shown = subprocess.run([*channel, "uname", "-n"], capture_output=True, check=True, text=True).stdout
        assert shown.strip() == name
        listed = {entry.get("name"): entry for entry in map(json.loads, lab_command("list").splitlines())}
        assert listed[name]["argv"] == channel
        assert not listed[name]["leftover"]
        assert name not in lab_command("sweep")
    finally:
        lab_command("down", name)
    assert traces(name) == []
