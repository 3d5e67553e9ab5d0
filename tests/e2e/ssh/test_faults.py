"""Whatever breaks in the middle of an apply over SSH, one `--resume` ends where an unfaulted run does."""

from __future__ import annotations

import time

import pytest

from tests import lab
from tests.e2e.faults.world import PATIENCE
from tests.e2e.ssh.conftest import Site

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("ssh")]

SLOW = "echo slow >> /var/tmp/ledger; until [ -e /var/tmp/open ]; do sleep 0.05; done; echo ended >> /var/tmp/ledger"

PROJECT = f"""aivp: v1
project: faults
hosts: {{web2: {{transport: ssh, user: root}}}}
resources:
  file.dir: {{path: /srv/site, state: directory}}
  command.first: {{argv: [sh, -c, "echo first >> /var/tmp/ledger"], depends_on: [file.dir]}}
  command.slow: {{argv: [sh, -c, "{SLOW}"], depends_on: [command.first], notify: [command.told]}}
  command.last: {{argv: [sh, -c, "echo last >> /var/tmp/ledger"], depends_on: [command.slow]}}
  command.told: {{argv: [sh, -c, "echo told >> /var/tmp/ledger"], refresh_only: true}}
  file.end: {{path: /srv/site/end, content: end, depends_on: [command.last]}}
"""


def ledger(host: lab.Host) -> list[str]:
    return host.run(["cat", "/var/tmp/ledger"], check=False).stdout.split()


def until(condition: object, what: str) -> None:
    assert callable(condition)
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def runner_pid(host: lab.Host) -> str:
    """The python3 that sshd started, and not the shim, which is its child."""
    found = host.run(["pgrep", "-f", "^python3 -I -S -c"], check=False).stdout.split()
    assert found
    return found[0]


@pytest.mark.parametrize("fault", ["controller", "runner", "link", "sshd"])
def test_a_fault_in_the_middle_ends_like_no_fault(site: Site, fault: str) -> None:
    host = site.on("web2")
    link = next(found.link for found in site.network.all if found.name == "web2")
    host.run(["rm", "-f", "/var/tmp/open"])
    site.declare(PROJECT)
    process = site.start("apply", "-y")
    try:
        until(lambda: "slow" in ledger(host), "the slow command did not start")
        match fault:
            case "controller":
                process.kill()
            case "runner":
                host.run(["kill", "-9", runner_pid(host)])
            case "sshd":
                host.run(["pkill", "-f", "sshd: root@notty"])
            case _:
                link.cut()  # nobody says a word: that it is gone shows in its silence
        text, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        link.restore()
    assert "Traceback" not in text
    assert process.returncode != 0, text
    host.run(["touch", "/var/tmp/open"])
    until(lambda: "ended" in ledger(host), "the shim did not outlive the fault")
    site.succeed("apply", "--resume")
    assert ledger(host) == ["first", "slow", "ended", "last", "told"]
    assert host.read("/srv/site/end") == "end"
    assert site.aivp("plan", "--detailed-exitcode").code == 0
    assert host.run(["pgrep", "-f", "aivp|python3 -I"], check=False).stdout == ""
    site.succeed("destroy", "-y")


def test_more_hosts_than_links_and_one_that_waits_for_another(site: Site) -> None:
    hosts = "".join(f"  {name}: {{transport: ssh, user: root}}\n" for name in ("web1", "web2", "web3"))
    site.declare(f"""aivp: v1
project: faults
hosts:
{hosts}resources:
  file.dir: {{host: [web1, web2, web3], path: /srv/site, state: directory}}
  file.one: {{host: web1, path: /srv/site/a, content: a, depends_on: [file.three]}}
  file.two: {{host: web2, path: /srv/site/a, content: "${{file.one.path}}"}}
  file.three: {{host: web3, path: /srv/site/a, content: a}}
  file.four: {{host: web3, path: /srv/site/b, content: b, depends_on: [file.two]}}
""")
    site.succeed("apply", "-y", "--parallelism", "1")
    assert site.on("web3").read("/srv/site/b") == "b"
    assert site.aivp("plan", "--detailed-exitcode", "--parallelism", "1").code == 0
    site.succeed("destroy", "-y", "--parallelism", "2")


def test_the_link_is_down_while_it_is_asked_and_back_for_the_next_command(site: Site) -> None:
    site.declare(PROJECT.split("  command.first")[0])
    link = next(found.link for found in site.network.all if found.name == "web2")
    link.cut()
    away = site.aivp("apply", "-y")
    assert (away.code, "AIVP0601" in away.text) == (1, True), away.text
    link.restore()
    site.succeed("apply", "-y")
    site.succeed("destroy", "-y")
