"""Hosts that truly have no python3, and get one from their own package manager."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.ssh.conftest import SUITES, Site

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("ssh")]

PURGE = """\
dpkg-query --show --showformat '${db:Status-Abbrev} ${Package}\\n' '*python3*' | sed -n 's/^ii *//p' > /root/python3
dpkg --purge --force-depends $(cat /root/python3)
! command -v python3
"""
PROJECT = """aivp: v1
project: bare
hosts:
  web1: {transport: ssh, user: USER, become: sudo}
  web2: {transport: ssh, user: USER, become: sudo}
  web3: {transport: ssh, user: USER, become: sudo}
resources:
  file.note: {host: [web1, web2, web3], path: /srv/site/note, create_parents: true, content: x}
"""


@pytest.fixture
def bare(site: Site) -> Iterator[Site]:
    """The three releases without python3, which they get back however the test ends."""
    try:
        for name in SUITES:
            site.on(name).run(["sh", "-ec", PURGE])
        yield site
    finally:
        for name in SUITES:
            site.on(name).run(["sh", "-c", "apt-get -q update && apt-get -qy install $(cat /root/python3) python3"])


def test_it_is_told_installed_and_worked_with(bare: Site) -> None:
    bare.declare(PROJECT.replace("USER", "plain"))
    refused = bare.aivp("hosts", "bootstrap", "-y", "all")
    assert refused.code == 1, "that account may not use sudo"
    bare.declare(PROJECT.replace("USER", "deploy"))
    told = bare.aivp("apply", "-y")
    assert told.code == 1, told.text
    assert told.text.count("AIVP0615") == len(SUITES)
    assert "aivp hosts bootstrap web1" in told.text
    assert bare.succeed("hosts", "bootstrap", "-y", "web1,web2").count("installed") == 2
    assert bare.succeed("hosts", "bootstrap", "-y", "all").count("installed") == 1, "those that have one keep it"
    bare.succeed("apply", "-y")
    assert "No changes" in bare.succeed("plan")
