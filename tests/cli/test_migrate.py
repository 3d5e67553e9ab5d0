"""`aivp migrate` from outside: a project of v0 becomes one that validates, after a look and a yes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_commands import Shell

ROOT = """\
# our machines
aivp: v0   # old
project: old
include: [more.yaml]
variables: {port: {type: integer, default: 80}}
machines:   # one of them
  'here': {connection: here}
secrets:
  db: env:DB_PASSWORD # from the environment
resources:
  file:motd:
    "on": here
    path: /tmp/motd
    content: "port ${vars.port}, not $${vars.port}"   # text
"""
MORE = "resources:\n  file:copy: {needs: [file:motd], path: '${file:motd.path}.copy', content: x}\n"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    (found.folder / "aivp.yaml").write_text(ROOT)
    (found.folder / "more.yaml").write_text(MORE)
    return found


def texts(shell: Shell) -> list[str]:
    return [(shell.folder / name).read_text() for name in ("aivp.yaml", "more.yaml")]


def test_it_shows_and_asks_first(shell: Shell) -> None:
    refused = shell.run("validate")
    assert b"aivp migrate" in refused.stderr
    done = shell.run("migrate")
    assert done.returncode == 1
    assert {b"-machines:   # one of them", b"+hosts:   # one of them"} <= {*done.stdout.splitlines()}
    assert b"AIVP0901" in done.stderr
    assert texts(shell) == [ROOT, MORE]


def test_it_writes_and_the_project_validates(shell: Shell) -> None:
    done = shell.run("migrate", "-y")
    assert done.returncode == 0, done.stderr
    root, more = texts(shell)
    assert [line.partition("#")[2] for line in root.splitlines()] == [
        line.partition("#")[2] for line in ROOT.splitlines()
    ]
    assert "$${vars.port}" in root
    assert more == "resources:\n  file.copy: {depends_on: [file.motd], path: '${file.motd.path}.copy', content: x}\n"
    assert shell.code("validate") == 0
    again = shell.run("migrate")
    assert (again.returncode, again.stdout.count(b"\n")) == (0, 1)
    assert texts(shell) == [root, more]


def test_one_that_broke_off_goes_on(shell: Shell) -> None:
    """The root document comes last, so until all is written the project is of the old version."""
    assert shell.code("migrate", "-y") == 0
    finished = texts(shell)
    (shell.folder / "aivp.yaml").write_text(ROOT)
    assert shell.code("migrate", "-y") == 0
    assert texts(shell) == finished


@pytest.mark.parametrize("version", ["v7", "1", "{}", "", "'\\e[2J'"])
def test_other_versions(shell: Shell, version: str) -> None:
    (shell.folder / "aivp.yaml").write_text(f"aivp: {version}\nproject: x\n".replace("'", '"'))
    done = shell.run("migrate", "-y")
    assert done.returncode == 1
    assert b"AIVP0961" in done.stderr
    assert b"\x1b" not in done.stderr


def test_a_file_that_cannot_be_read_stops_it_before_anything_is_written(shell: Shell) -> None:
    (shell.folder / "more.yaml").write_bytes(b"a: \xff\n")
    done = shell.run("migrate", "-y")
    assert done.returncode == 1
    assert b"AIVP0106" in done.stderr
    assert (shell.folder / "aivp.yaml").read_text() == ROOT


def test_cue_is_named(shell: Shell) -> None:
    (shell.folder / "aivp.yaml").write_text(ROOT.replace("[more.yaml]", "[site]"))
    (shell.folder / "site").mkdir()
    (shell.folder / "site/a.cue").write_text("package site\n")
    assert b"site/a.cue is CUE: look at it yourself." in shell.run("migrate", "-y").stdout
