"""Packages are installed for real, from the mounted repository; snapshots see what that did."""

from __future__ import annotations

import time

import pytest

from tests import lab

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def updated(host: lab.Host) -> lab.Host:
    host.run(["apt-get", "update"])
    return host


def _apt(host: lab.Host, *arguments: str, check: bool = True) -> str:
    done = host.run(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--yes", *arguments], check=check)
    return done.stdout + done.stderr


def test_a_web_server_is_installed_and_answers(updated: lab.Host) -> None:
    _apt(updated, "install", "nginx-light")
    script = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:80').status)"
    assert updated.run(["python3", "-c", script]).stdout == "200\n"


@pytest.mark.parametrize("package", ["cowsay", "cron", "hello", "tree"])
def test_all_that_is_offered_can_be_installed(updated: lab.Host, package: str) -> None:
    _apt(updated, "install", package)


def test_probe_has_two_versions_and_a_conffile(updated: lab.Host) -> None:
    _apt(updated, "install", "aivp-probe=1.0")
    assert updated.read("/etc/aivp-probe.conf").endswith("version = 1.0\n")
    _apt(updated, "install", "aivp-probe")
    assert updated.run(["aivp-probe"]).stdout == "aivp-probe 2.0\n"
    assert updated.read("/etc/aivp-probe.conf").endswith("version = 2.0\n")
    _apt(updated, "install", "aivp-conflict")
    assert "deinstall ok config-files" in updated.run(["dpkg-query", "-s", "aivp-probe"]).stdout
    _apt(updated, "purge", "aivp-probe", "aivp-conflict")


def test_service_starts_reloads_and_goes(updated: lab.Host) -> None:
    _apt(updated, "install", "aivp-service")
    assert updated.run(["systemctl", "is-enabled", "aivp-service"]).stdout == "enabled\n"
    _wait_for(updated, "/var/log/aivp-service", "start\n")
    updated.write("/etc/aivp-service.conf", "greeting = changed\n")
    updated.run(["systemctl", "reload", "aivp-service"])
    _wait_for(updated, "/var/log/aivp-service", "start\nreload\n")
    assert updated.read("/run/aivp-service/config") == "greeting = changed\n"
    _apt(updated, "purge", "aivp-service")
    assert updated.run(["systemctl", "is-active", "aivp-service"], check=False).stdout == "inactive\n"


def test_slow_and_broken_packages(updated: lab.Host) -> None:
    begun = time.monotonic()
    _apt(updated, "install", "aivp-slow")
    assert time.monotonic() - begun > 4
    assert updated.read("/var/log/aivp-slow") == "begin configure\nend configure\n"
    assert "this always fails" in _apt(updated, "install", "aivp-broken", check=False)
    _apt(updated, "purge", "aivp-broken")


def test_a_snapshot_sees_files_packages_accounts_and_units(needs_lab: None) -> None:
    with lab.host() as host:
        host.run(["apt-get", "update"])
        before = lab.snapshot(host)
        assert lab.difference(before, lab.snapshot(host)) == ()
        _apt(host, "install", "aivp-service")
        host.run(["useradd", "--shell", "/bin/sh", "lee"])
        host.run(["sh", "-c", "echo new > /etc/motd; chmod 600 /etc/motd; ln -s /etc/motd /srv/link"])
        host.run(["systemctl", "restart", "dbus.service"])
        lines = lab.difference(before, lab.snapshot(host), times=False)
    seen = {line.partition(": ")[0] for line in lines}
    assert seen >= {
        "changed /etc/motd",
        "added /srv/link",
        "added /etc/aivp-service.conf",
        "added package:aivp-service",
        "added unit-file:aivp-service.service",
        "added unit:aivp-service.service",
        "changed unit:dbus.service",
        "added user:lee",
        "added group:lee",
    }
    assert "added /srv/link: symlink, 0777, 0, 0, 9, /etc/motd" in lines


def _wait_for(host: lab.Host, path: str, text: str) -> None:
    deadline = time.monotonic() + 5
    while host.read(path) != text:
        assert time.monotonic() < deadline, host.read(path)
        time.sleep(0.05)
