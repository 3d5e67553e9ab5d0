"""Hosts without systemd: what is in them, and that nothing is left of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import lab
from tests.lab.plain import plain_recipe
from tests.lab.rpms import own_rpms

pytestmark = pytest.mark.lab


def test_a_container_without_systemd(traces: Callable[[str], list[str]]) -> None:
    reason = lab.plain_available()
    if reason is not None:
        pytest.skip(reason)
    with lab.plain_host() as host:
        assert host.read("/proc/1/comm") == "sh\n"
        assert host.run(["test", "-e", "/run/systemd/system"], check=False).returncode == 1
        assert host.run(["which", "service", "update-rc.d", "dnf", "apt-get"]).stdout.count("\n") == 4
        before = lab.snapshot(host)
        host.run(["service", "cron", "start"])
        assert "daemon:cron" in lab.difference(before, lab.snapshot(host))[0]
        host.become_rpm()
        offered = host.run(["dnf", "-q", "repoquery", "--disablerepo=*", "--enablerepo=lab"]).stdout
        assert offered.count("\n") == len(own_rpms())
        host.kill()
        host.start()
        assert host.run(["which", "apt-get"], check=False).returncode == 1
        name = host.name
    assert traces(name) == []


def test_a_recipe_follows_from_its_packages() -> None:
    assert plain_recipe("bookworm").name == plain_recipe("bookworm").name
    assert "dnf-plugins-core" not in plain_recipe("bullseye").installed
