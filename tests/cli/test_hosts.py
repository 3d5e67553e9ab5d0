"""hosts list, check, facts from outside: exact texts, exit codes, and one host's trouble that stops no other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.test_commands import Shell

LISTED = """\
HOST  TRANSPORT  RESOURCES  LABELS    REACHED BY
a     exec       1          -         docker exec -i web
b     ssh        0          role=web  deploy@b.example:2222 by way of jump.example, sudo to root
lab   local      2          -         this machine

GROUP  HOSTS
duo    a, lab
none   -
web    b
"""
LISTED_BY_ADDRESS = """\
HOST  TRANSPORT  RESOURCES  LABELS  REACHED BY
lab   local      2          -       this machine

lab
  noop.x@lab
  noop.y@lab
"""
CHECKED = """\
HOST   STATUS    OS  PYTHON  USER  FREE  CLOCK
dead   AIVP0601  -   -       -     -     -
ill    AIVP0608  OS  PYTHON  USER  -     ok
lab    ok        OS  PYTHON  USER  FREE  ok
noisy  ok, but   OS  PYTHON  USER  FREE  ok

2 of 4 hosts cannot be worked on.
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    found.declare("")
    return found


def declare(shell: Shell, hosts: str, more: str = "") -> None:
    text = f"aivp: v1\nproject: calm\nhosts:\n  lab: {{transport: local}}\n{hosts}{more}"
    (shell.folder / "aivp.yaml").write_text(text)


def several(shell: Shell) -> None:
    declare(
        shell,
        '  dead: {transport: exec, command: ["false"]}\n'
        "  noisy: {transport: exec, command: [sh, -c, 'echo Welcome; exec \"$@\"', sh]}\n"
        "  ill: {transport: exec, command: [env, AIVP_HOST_STATE=/proc/nowhere]}\n",
    )


def test_list(shell: Shell) -> None:
    declare(
        shell,
        "  a: {transport: exec, command: [docker, exec, -i, web]}\n"
        "  b: {transport: ssh, address: b.example, user: deploy, port: 2222, jump: jump.example, become: sudo,"
        " labels: {role: web}}\n",
        "groups: {web: {labels: {role: web}}, duo: {hosts: [a, lab]}, none: {labels: {role: none}}}\n"
        "resources: {noop.x: {host: duo}, noop.y: {host: lab}}\n",
    )
    assert shell.run("hosts", "list").stdout.decode() == LISTED
    assert shell.run("hosts", "list", "lab", "-v").stdout.decode() == LISTED_BY_ADDRESS
    lines = [json.loads(line) for line in shell.run("hosts", "list", "--json").stdout.splitlines()]
    assert [(line["type"], line["name"]) for line in lines] == [
        ("host", "a"),
        ("host", "b"),
        ("host", "lab"),
        ("group", "duo"),
        ("group", "none"),
        ("group", "web"),
    ]
    assert lines[0]["groups"] == ["duo"]
    assert lines[2]["resources"] == ["noop.x@lab", "noop.y@lab"]


def test_list_of_a_project_without_hosts(shell: Shell) -> None:
    (shell.folder / "aivp.yaml").write_text("aivp: v1\nproject: calm\n")
    assert shell.run("hosts", "list").stdout == b"No host is declared.\n"
    assert b"AIVP0212" in shell.run("hosts", "check").stderr


def test_check(shell: Shell) -> None:
    several(shell)
    done = shell.run("hosts", "check")
    assert done.returncode == 1
    assert masked(done.stdout.decode()) == masked(CHECKED)
    said = done.stderr.decode()
    assert all(code in said for code in ("AIVP0601", "AIVP0608", "AIVP0623"))
    assert "Welcome" in said
    lines = {item["host"]: item for item in map(json.loads, shell.run("hosts", "check", "--json").stdout.splitlines())}
    assert [lines[name]["is_fit"] for name in ("dead", "ill", "lab", "noisy")] == [False, False, True, True]
    assert shell.code("hosts", "check", "lab,noisy") == 0


def masked(text: str) -> list[list[str]]:
    """Cells, without what differs from machine to machine."""
    rows = [re.split(r"  +", line) for line in text.splitlines()]
    return [row[:2] + [cell for cell in row[2:] if cell in ("-", "ok")] for row in rows]


def test_check_of_a_strangers_project_starts_nothing_of_theirs(shell: Shell) -> None:
    several(shell)
    done = shell.run("hosts", "check", "--untrusted")
    assert done.returncode == 1
    assert b"Welcome" not in done.stderr
    assert done.stderr.count(b"--untrusted starts no exec channel") == 3


def test_facts_of_hosts_and_of_evidence_are_the_same(shell: Shell) -> None:
    declare(shell, '  dead: {transport: exec, command: ["false"]}\n', "resources: {noop.x: {host: [lab, dead]}}\n")
    live = shell.run("hosts", "facts")
    assert live.returncode == 1
    assert b"\n  os.id " in live.stdout
    assert b"AIVP0601" in live.stderr
    shell.run("observe", "-o", "evidence.json")
    recorded = shell.run("hosts", "facts", "--observed", "evidence.json")
    assert recorded.stdout == live.stdout
    assert shell.code("hosts", "facts", "lab", "--observed", "evidence.json") == 0
    assert b"AIVP0410" in shell.run("hosts", "facts", "--observed", "aivp.yaml").stderr
    line = json.loads(shell.run("hosts", "facts", "lab", "--json").stdout)
    assert line["facts"]["user.is_root"] in (True, False)


def test_a_plan_that_facts_decide_is_the_same_from_evidence(shell: Shell) -> None:
    declare(
        shell,
        "",
        "resources:\n"
        "  noop.some: {host: lab, when: {host.facts.memory_mib: 1}}\n"
        f"  file.a: {{host: lab, path: {shell.things}/a, content: '${{host.facts.os.id}} ${{host.facts.fqdn}}',"
        " when: {not: {host.facts.os.id: plan9}}}\n",
    )
    shell.run("observe", "-o", "evidence.json")
    shell.run("plan", "-o", "live.json")
    shell.run("plan", "--observed", "evidence.json", "-o", "recorded.json")
    plans = [(shell.folder / name).read_bytes() for name in ("live.json", "recorded.json")]
    assert plans[0] == plans[1]
    steps = json.loads(plans[0])["steps"]
    assert [step["address"] for step in steps] == ["file.a@lab"]
    assert "$" not in steps[0]["config"]["content"]


@pytest.mark.parametrize("words", [("list", "h9"), ("check", "labb"), ("facts", "x=y")])
def test_hosts_that_are_none(shell: Shell, words: tuple[str, ...]) -> None:
    done = shell.run("hosts", *words)
    assert done.returncode == 1
    assert b"AIVP021" in done.stderr
