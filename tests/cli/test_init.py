"""`aivp init` from outside: a project that plans and applies at once, and nothing that was there is touched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from aivp.edit.starters import STARTERS
from tests.cli.test_commands import Shell

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_it_plans_and_applies_at_once(shell: Shell) -> None:
    done = shell.run("init")
    assert done.returncode == 0, done.stderr
    assert b"aivp plan " in done.stdout
    assert (shell.folder / ".gitignore").read_text() == ".aivp/\n"
    assert (
        (shell.folder / "aivp.yaml")
        .read_text()
        .startswith("# yaml-language-server: $schema=.aivp/schema.json\naivp: v1\nproject: project\n")
    )
    folder = f"folder={shell.things}/hello"
    assert shell.code("plan", "--var", folder, "--detailed-exitcode") in (0, 2)
    applied = shell.run("apply", "-y", "--var", folder)
    assert applied.returncode == 0, applied.stderr
    assert (shell.things / "hello/hello.txt").read_text() == "Hello, world!\n"
    assert shell.code("fmt", "--check") == 0


def test_it_begins_in_a_new_folder_and_takes_its_name(shell: Shell) -> None:
    done = shell.run("init", "deep/My Ünïque 1 site", "--from", "02-web-server")
    assert done.returncode == 0, done.stderr
    place = shell.folder / "deep/My Ünïque 1 site"
    assert "project: my-unique-1-site\n" in (place / "aivp.yaml").read_text()
    assert (place / "templates/site.conf.j2").is_file()
    assert shell.code("validate", "-C", str(place), "--var", "channel=[x]") == 0


@pytest.mark.parametrize("starter", STARTERS, ids=lambda item: item.name)
def test_every_example_is_the_one_of_the_repository(starter, shell: Shell) -> None:
    """AIVP_UPDATE_GOLDEN=1 takes them over."""
    (source,) = (ROOT / "examples").glob(f"0*-{starter.name}")
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=source, capture_output=True, text=True, check=False
    ).stdout.split()
    names = sorted(name for name in tracked if name != "README.md") or sorted(starter.files())
    shipped = ROOT / "aivp/edit/starters" / starter.name
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        shutil.rmtree(shipped, ignore_errors=True)
        for name in names:
            (shipped / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, shipped / name)
    assert starter.files() == {name: (source / name).read_bytes() for name in names}
    assert shell.code("init", "--from", starter.name, "--name", "mine") == 0
    environ = ["-e", "prod"] if starter.name == "two-environments" else []
    variables = [] if starter.name == "hello-file" else ["--var", "channel=[x]"]
    done = shell.run("validate", *environ, *variables)
    if b"AIVP0150" in done.stderr:
        pytest.skip("cue is not installed: make setup builds it")
    assert done.returncode == 0, done.stderr


def test_the_list(shell: Shell) -> None:
    said = shell.run("init", "--list").stdout.decode()
    assert all(f"  {item.name} " in said for item in STARTERS)
    wrong = shell.run("init", "--from", "web-sever")
    assert wrong.returncode == 1
    assert b"AIVP0960" in wrong.stderr
    assert b"Did you mean web-server?" in wrong.stderr
    assert os.listdir(shell.folder) == []


def test_nothing_is_overwritten(shell: Shell) -> None:
    (shell.folder / "templates").mkdir()
    (shell.folder / "templates/site.conf.j2").write_text("mine")
    done = shell.run("init", "--from", "web-server")
    assert done.returncode == 1
    assert b"AIVP0959" in done.stderr
    assert os.listdir(shell.folder) == ["templates"]
    (shell.folder / "aivp.yaml").symlink_to("nowhere")
    assert shell.code("init") == 1
    assert not (shell.folder / "nowhere").exists()


def test_a_gitignore_is_added_to_once(shell: Shell) -> None:
    (shell.folder / ".gitignore").write_text("*.pyc")
    assert shell.code("init") == 0
    assert (shell.folder / ".gitignore").read_text() == "*.pyc\n.aivp/\n"
    (shell.folder / "aivp.yaml").unlink()
    assert shell.code("init") == 0
    assert (shell.folder / ".gitignore").read_text() == "*.pyc\n.aivp/\n"


def test_git_sees_neither_state_nor_schema(shell: Shell) -> None:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    subprocess.run(["git", "init", "-q"], cwd=shell.folder, check=True, env=shell.environ)
    assert shell.code("init") == 0
    seen = subprocess.run(
        ["git", "status", "--porcelain", "-uall"],
        cwd=shell.folder,
        env=shell.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout == "?? .gitignore\n?? aivp.yaml\n"


@pytest.mark.parametrize("name", ["Big", "1", "a b", "../x", "a\x1b"])
def test_names_that_are_none(shell: Shell, name: str) -> None:
    done = shell.run("init", "--name", name)
    assert done.returncode == 1
    assert b"AIVP0129" in done.stderr
    assert b"\x1b" not in done.stderr
    assert os.listdir(shell.folder) == []


def test_a_file_in_the_place_of_the_folder(shell: Shell) -> None:
    (shell.folder / "file").write_text("mine")
    done = shell.run("init", "file")
    assert done.returncode == 1
    assert b"AIVP0902" in done.stderr
    assert (shell.folder / "file").read_text() == "mine"


def test_the_schema_it_writes_is_the_installed_one(shell: Shell) -> None:
    assert shell.code("init") == 0
    written = json.loads((shell.folder / ".aivp/schema.json").read_text())
    assert "kind.file" in written["definitions"]
    assert (shell.folder / ".aivp").stat().st_mode & 0o777 == 0o700
    assert (shell.folder / ".aivp/.gitignore").read_text() == "*\n"
