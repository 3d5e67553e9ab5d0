"""doctor from outside: what is missing, with which exit code, for whom; one host's trouble stops no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import Shell

NEEDS = [
    {"command": "acmectl", "package": "acme-tools", "why": "to make things"},
    {"command": "acmefast", "optional": True, "why": "to make them quickly"},
    {"command": "sh", "why": "to run scripts"},
]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    schema = {"type": "object", "additionalProperties": False, "properties": {"name": {"type": "string"}}}
    kind = {"identity": ["name"], "identity_from_name": True, "schema": schema, "needs": NEEDS}
    folder = tmp_path / "providers/acme"
    folder.mkdir(parents=True)
    start = {"any": ["{folder}/acme"]}
    manifest = {"manifest": 1, "name": "acme", "version": "1.0", "start": start, "kinds": {"acme/thing": kind}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found.environ["AIVP_PROVIDERS"] = str(folder.parent)
    return found


def test_nothing_is_declared(shell: Shell) -> None:
    shell.declare("")
    done = shell.run("doctor")
    assert done.returncode == 0
    said = done.stdout.decode()
    assert said.startswith("controller  this machine\n  ok: ")
    assert said.endswith("Nothing is missing.\n")


def test_what_a_declared_kind_lacks(shell: Shell) -> None:
    shell.declare("resources: {acme/thing.one: {host: lab}}\n")
    done = shell.run("doctor", "lab")
    assert done.returncode == 1
    said = done.stdout.decode()
    assert "  error[AIVP0695]: command acmectl, for acme/thing\n" in said
    assert "  warning[AIVP0695]: command acmefast, for acme/thing\n" in said
    assert "There is no acmectl on lab; acme/thing needs it to make things." in said
    assert "command sh" not in said
    assert "1 thing is missing on lab, 1 warning." in said
    assert said.endswith("install -y acme-tools\n") or "Bring it to a folder of the path there." in said
    assert b"ok: command sh (" in shell.run("doctor", "lab", "-v").stdout


def test_a_condition_that_rules_a_resource_out(shell: Shell) -> None:
    shell.declare("resources: {acme/thing.one: {host: lab, when: {host.facts.os.id: plan9}}}\n")
    assert shell.code("doctor", "lab") == 0


def test_a_kind_that_nothing_declares_yet(shell: Shell) -> None:
    shell.declare("")
    assert shell.code("doctor", "lab") == 0
    assert b"command acmectl" in shell.run("doctor", "lab", "--kind", "acme/thing").stdout
    assert b"AIVP0906" in shell.run("doctor", "--kind", "acme/things").stderr


def test_a_host_that_cannot_be_reached_stops_no_other(shell: Shell) -> None:
    text = "hosts:\n  lab: {transport: local}\n  dead: {transport: exec, command: ['false']}\n"
    (shell.folder / "aivp.yaml").write_text(
        f"aivp: v1\nproject: calm\n{text}resources: {{acme/thing.one: {{host: [lab, dead]}}}}\n"
    )
    done = shell.run("doctor", "--json")
    assert (done.returncode, done.stderr) == (1, b"")
    lines = {item["host"]: item for item in map(json.loads, done.stdout.splitlines())}
    assert [*lines] == ["controller", "dead", "lab"]
    assert [item["remark"]["code"] for item in lines["dead"]["findings"]] == ["AIVP0601"]
    states = {item["need"]: item["state"] for item in lines["lab"]["findings"]}
    assert states["command acmectl"] == "missing"
    assert states["command sh"] == "ok"


def test_a_strangers_project_starts_nothing_of_theirs(shell: Shell) -> None:
    made = shell.folder / "made"
    text = f"hosts: {{odd: {{transport: exec, command: [touch, '{made}']}}}}\n"
    (shell.folder / "aivp.yaml").write_text(f"aivp: v1\nproject: calm\n{text}")
    done = shell.run("doctor", "--untrusted")
    assert done.returncode == 1
    assert b"--untrusted starts no exec channel" in done.stdout
    assert not made.exists()


def test_a_project_that_does_not_compile_is_a_finding(shell: Shell) -> None:
    shell.declare("resources: {acme/thing.one: {host: lab, nme: x}}\n")
    done = shell.run("doctor")
    assert done.returncode == 1
    assert b"error[AIVP0301]: the project" in done.stdout or b"]: the project" in done.stdout
    assert b"room" not in done.stderr


def test_no_project_at_all(shell: Shell) -> None:
    (shell.folder / "aivp.yaml").unlink(missing_ok=True)
    done = shell.run("doctor")
    assert done.returncode == 1
    assert b"]: the project" in done.stdout


def test_secrets_and_keys(shell: Shell) -> None:
    shell.declare(
        "secrets: {a: {env: NOT_THERE}, b: {generate: {length: 20}}, c: {command: [touch, made]}, d: {env: HOME}}\n"
        "resources: {noop.n: {host: lab}}\n"
    )
    said = shell.run("doctor", "-v").stdout.decode()
    assert "AIVP0811" in said
    assert "secret a" in said
    assert "ok: secret d" in said
    assert not (shell.folder / "made").exists()
    shell.run("secrets", "key", "--new")
    assert "ok: the project key" in shell.run("doctor", "-v").stdout.decode()
