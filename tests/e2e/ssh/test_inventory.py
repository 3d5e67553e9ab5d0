"""An Ansible inventory over real SSH: recorded, checked, planned by facts, applied in rounds, asked once."""

from __future__ import annotations

import json

import pytest

from tests import schemas
from tests.e2e.ssh.conftest import SUITES, Site
from tests.e2e.ssh.test_bad_hosts import FAKE_CLOCK, python3_is

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("ssh")]

INVENTORY = """\
[web]
web[1:3] ansible_user=root
[web:vars]
role=web
"""
PROJECT = """aivp: v1
project: fleet
include: [inventory.yaml]
groups: {rolling: {hosts: [web1, web2, web3], serial: [1, 2]}}
resources:
  file.note:
    host: web
    path: /srv/site/note
    content: "${host.vars.role} on ${host.facts.os.codename}\\n"
    depends_on: [file.folder]
  file.folder: {host: web, path: /srv/site, state: directory}
  command.old:
    host: web
    argv: [sh, -c, "echo old >> /var/tmp/ledger"]
    when: {host.facts.os.version_id: "11"}
  command.order: {host: web, argv: [sh, -c, "date +%s%N > /srv/site/when"], depends_on: [file.folder]}
"""


def lines(site: Site, *words: str) -> tuple[int, list[dict[str, object]]]:
    done = site.aivp(*words, "--json")
    return done.code, schemas.check_lines(["--json"], done.text)


def test_from_an_inventory_to_a_rollout(site: Site) -> None:
    (site.folder / "hosts.ini").write_text(INVENTORY)
    site.declare(PROJECT)
    site.succeed("hosts", "record", "-o", "inventory.yaml", "--from-ansible", "hosts.ini")
    code, checked = lines(site, "hosts", "check")
    assert (code, [item["host"] for item in checked]) == (0, sorted(SUITES))
    assert all(item["is_fit"] for item in checked), checked
    site.succeed("observe", "-o", "evidence.json")
    site.succeed("plan", "-o", "live.json")
    site.succeed("plan", "--observed", "evidence.json", "-o", "recorded.json")
    plan = (site.folder / "live.json").read_bytes()
    assert plan == (site.folder / "recorded.json").read_bytes()
    assert json.loads(plan)["rollouts"][0]["rounds"] == [["web1"], ["web2", "web3"]]
    addresses = [step["address"] for step in json.loads(plan)["steps"]]
    assert [name for name in addresses if name.startswith("command.old")] == ["command.old@web1"]
    site.succeed("apply", "live.json")
    when = {name: int(site.on(name).run(["cat", "/srv/site/when"]).stdout) for name in SUITES}
    assert when["web1"] < min(when["web2"], when["web3"])
    code, answers = lines(site, "exec", "web", "cat", "/srv/site/note")
    assert code == 0
    assert {item["host"]: item["stdout"] for item in answers} == {
        name: f"web on {suite}\n" for name, suite in SUITES.items()
    }


def test_a_clock_that_is_off_is_said_and_stops_nothing(site: Site) -> None:
    site.declare("aivp: v1\nproject: clock\nhosts: {web2: {transport: ssh, user: root}}\n")
    with python3_is(site.on("web2"), FAKE_CLOCK.format(seconds=-7200)):
        done = site.aivp("hosts", "check")
        assert done.code == 0, done.text
        assert "AIVP0622" in done.text
        assert "-7,200 s" in done.text
        site.succeed("exec", "web2", "--", "true")
