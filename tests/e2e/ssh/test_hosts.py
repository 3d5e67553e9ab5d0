"""One project on three releases over SSH: the same plans, sudo in all its moods, and every way not to get in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import lab
from tests.e2e.ssh.conftest import SUITES, Site

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("ssh")]

RESOURCES = """
resources:
  group.site: {host: HOSTS, gid: 4242}
  user.site: {host: HOSTS, uid: 4242, group: site, shell: /bin/sh}
  file.dir: {host: HOSTS, path: /srv/site, state: directory, owner: site, mode: "0750"}
  file.page:
    host: HOSTS
    path: /srv/site/index.html
    template: {inline: "<h1>{{ title }}</h1>\\n"}
    vars: {title: "${host.name}"}
    owner: site
  command.seen: {host: HOSTS, argv: [sh, -c, "echo seen >> /var/tmp/ledger"], creates: /var/tmp/ledger}
  package_index.apt: {host: HOSTS, max_age: 30d}
  package.hello: {host: HOSTS}
"""


def project(hosts: str, names: str) -> str:
    return f"aivp: v1\nproject: site\nsecrets: {{pw: {{env: PW}}}}\nhosts:\n{hosts}" + RESOURCES.replace("HOSTS", names)


def over_ssh(**members: str) -> str:
    rest = "".join(f", {name}: {value}" for name, value in members.items())
    return "".join(f"  {name}: {{transport: ssh{rest}}}\n" for name in SUITES)


def normal(plan: Path, host: str) -> object:
    """A plan without what names its host: name, address, incarnation and lane."""
    found = json.loads(plan.read_text())
    (entry,) = found["hosts"].values()
    assert entry.pop("transport") in ("ssh", "exec")
    text = json.dumps({"steps": found["steps"], "unchanged": found["unchanged"], "secrets": found["secrets"]})
    return json.loads(text.replace(f"@{host}", "@HOST").replace(f'"{host}"', '"HOST"').replace(f">{host}<", ">HOST<"))


def test_one_project_applies_to_three_releases(site: Site) -> None:
    site.declare(project(over_ssh(user="deploy", become="sudo"), "[web1, web2, web3]"))
    site.succeed("apply", "-y")
    assert site.aivp("plan", "--detailed-exitcode").code == 0
    for name in SUITES:
        host = site.on(name)
        assert host.read("/srv/site/index.html") == f"<h1>{name}</h1>\n"
        assert host.run(["stat", "-c", "%U %a", "/srv/site"]).stdout == "site 750\n"
        assert host.read("/var/tmp/ledger") == "seen\n"
    site.on("web2").write("/srv/site/index.html", "by hand")
    assert site.aivp("drift").code == 2
    site.succeed("apply", "-y")
    site.succeed("destroy", "-y")
    for name in SUITES:
        assert site.on(name).run(["test", "-e", "/srv/site"], check=False).returncode == 1


def test_plans_differ_in_nothing_but_the_host(site: Site, network: lab.Network, tmp_path: Path) -> None:
    found = {}
    for way in ("ssh", "exec"):
        for name in SUITES:
            command = json.dumps(site.on(name).argv)
            reached = "{transport: ssh, user: root}" if way == "ssh" else f"{{transport: exec, command: {command}}}"
            site.declare(project(f"  {name}: {reached}\n", name))
            site.succeed("plan", "-o", "plan.json")
            found[way, name] = normal(tmp_path / "plan.json", name)
    first = found["ssh", "web1"]
    assert all(plan == first for plan in found.values()), [name for name, plan in found.items() if plan != first]


@pytest.mark.parametrize("member", ["user: asks, become: {password: '${secret.pw}'}", "user: deploy, become: sudo"])
def test_sudo_with_and_without_a_password(site: Site, member: str) -> None:
    site.declare(project(f"  web2: {{transport: ssh, {member}}}\n", "web2"))
    site.succeed("apply", "-y", PW=lab.ASKS_PASSWORD)
    assert site.on("web2").read("/srv/site/index.html") == "<h1>web2</h1>\n"
    kept = [
        path for path in site.folder.rglob("*") if path.is_file() and lab.ASKS_PASSWORD in path.read_text("latin-1")
    ]
    assert not kept
    there = site.on("web2").run(["grep", "-rl", lab.ASKS_PASSWORD, "/var/lib/aivp", "/var/log", "/tmp"], check=False)
    assert there.stdout == ""
    site.succeed("destroy", "-y", PW=lab.ASKS_PASSWORD)


def test_a_password_may_be_given_where_sudo_does_not_ask(site: Site) -> None:
    site.declare(project("  web2: {transport: ssh, user: deploy, become: {password: '${secret.pw}'}}\n", "web2"))
    assert site.aivp("plan", "--detailed-exitcode", PW="of no use").code == 2


def test_becoming_somebody_who_is_not_root(site: Site) -> None:
    text = "aivp: v1\nproject: site\nhosts: {web2: {transport: ssh, user: deploy, become: {user: plain}}}\n"
    site.declare(text + "resources: {file.note: {path: /home/plain/note, content: x}}\n")
    site.succeed("apply", "-y")
    assert site.on("web2").run(["stat", "-c", "%U", "/home/plain/note"]).stdout == "plain\n"
    site.succeed("destroy", "-y")


REFUSED = [
    ("user: asks, become: sudo", "AIVP0619", "become: {password: ${secret.NAME}}"),
    ("user: asks, become: {password: '${secret.pw}'}", "AIVP0619", "sudo did not take the password"),
    ("user: plain, become: sudo", "AIVP0619", "sudo"),
    ("user: nobody-of-that-name", "AIVP0618", "ssh-add"),
    ("port: 2222", "AIVP0601", "This must work: ssh -p 2222 web2"),
    ("address: 10.77.0.250", "AIVP0601", "ssh: connect to host"),
]


@pytest.mark.parametrize(("member", "code", "words"), REFUSED)
def test_who_is_not_let_in_blocks_only_what_is_there(site: Site, member: str, code: str, words: str) -> None:
    hosts = f"  web1: {{transport: ssh, user: root}}\n  web2: {{transport: ssh, {member}}}\n"
    site.declare(project(hosts, "[web1, web2]"))
    result = site.aivp("apply", "-y", PW="wrong")
    assert (result.code, code in result.text) == (5, True), result.text
    assert words in " ".join(result.text.split()), result.text
    assert site.on("web1").read("/srv/site/index.html") == "<h1>web1</h1>\n"
    assert site.on("web2").run(["test", "-e", "/srv/site"], check=False).returncode == 1


def test_an_unknown_and_a_changed_host_key_are_refused(site: Site, network: lab.Network, tmp_path: Path) -> None:
    known = tmp_path / "known"
    config = Path(site.config).read_text().replace(str(network.client.known_hosts), str(known))
    (tmp_path / "config").write_text(config)
    site.config = str(tmp_path / "config")
    site.declare(project("  web2: {transport: ssh, user: root}\n", "web2"))
    known.write_text("")
    unknown = site.aivp("plan").text
    assert "AIVP0616" in unknown, unknown
    assert "accept it: ssh -l root web2" in " ".join(unknown.split())
    address = next(found.address for found in network.all if found.name == "web2")
    lines = network.client.known_hosts.read_text().splitlines()
    others = [line.split(" ", 1)[1] for line in lines if line.startswith("web1,")]
    known.write_text("".join(f"{address} {key}\n" for key in others))
    changed = " ".join(site.aivp("plan").text.split())
    assert "AIVP0617" in changed, changed
    assert f"ssh-keygen -f {known} -R {address}" in changed, changed
