"""A host that is a resource of a host over SSH: everything goes through the link to the one that it stands on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.guests.conftest import ROOMS
from tests.e2e.ssh.conftest import Site

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("ssh")]

PROJECT = """aivp: v1
project: far
hosts:
  web1: {transport: ssh, user: deploy, become: sudo}
  web3: {transport: ssh, user: deploy}
resources:
  rooms/room.a: {host: [web1, web3], path: "/var/tmp/room-${host.name}"}
  file.note:
    host: rooms/room.a
    path: /var/tmp/noted-${host.facts.os.codename}
    content: "${rooms/room.a.number@web1} ${rooms/room.a.number@web3}"
"""


def test_one_apply_makes_both_and_what_is_within(site: Site, tmp_path: Path) -> None:
    shutil.copytree(ROOMS, tmp_path / "providers/rooms")
    providers = {"AIVP_PROVIDERS": str(tmp_path / "providers")}
    site.declare(PROJECT)
    site.succeed("apply", "-y", **providers)
    for name, codename in (("web1", "bullseye"), ("web3", "trixie")):
        assert len(site.on(name).run(["cat", f"/var/tmp/noted-{codename}"]).stdout) == 65
    assert "No changes" in site.succeed("plan", **providers)
    assert "web1" in site.succeed("hosts", "check", **providers)
    site.succeed("destroy", "-y", **providers)
    for name in ("web1", "web3"):
        assert site.on(name).run(["ls", "/var/tmp"]).stdout.strip().count("room-") == 0
