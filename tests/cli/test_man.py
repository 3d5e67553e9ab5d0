"""Man pages: one for each command, without a complaint of the programs that show them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from aivp.cli.commands import COMMANDS
from aivp.views.man import Page, escape, man_page
from tests.cli.test_commands import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def written(shell: Shell) -> list[Path]:
    done = shell.run("man", "-o", "man/man1")
    assert done.returncode == 0, done.stderr
    return sorted((shell.folder / "man/man1").iterdir())


def test_every_command_has_a_page(shell: Shell) -> None:
    names = {path.name for path in written(shell)}
    assert {"aivp.1", "aivp-state-list.1", "aivp-runs-show.1"} <= names
    assert {f"aivp-{name}.1" for name in COMMANDS} <= names
    plan = (shell.folder / "man/man1/aivp-plan.1").read_text()
    assert r"\fB\-\-target ADDR\fR" in plan
    assert "aivp.1" in names


def test_they_are_the_same_each_time(shell: Shell) -> None:
    before = {path.name: path.read_bytes() for path in written(shell)}
    assert before == {path.name: path.read_bytes() for path in written(shell)}


def test_no_reader_complains(shell: Shell) -> None:
    """groff with all warnings through man, and mandoc's lint, where they are installed."""
    paths = written(shell)
    tools = [name for name in ("man", "mandoc") if shutil.which(name)]
    tools = [name for name in tools if name != "man" or shutil.which("groff")]
    if not tools:
        pytest.skip("needs man with groff, or mandoc")
    for path in paths:
        if "man" in tools:
            command = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(path)]
            done = subprocess.run(
                command,
                env={**shell.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": ""},
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode, done.stderr) == (0, ""), path.name
        if "mandoc" in tools:
            done = subprocess.run(
                ["mandoc", "-Tlint", "-Wwarning", str(path)], capture_output=True, text=True, check=False
            )
            told = [line for line in done.stdout.splitlines() if "missing date" not in line]  # which would be a lie
            assert told == [], path.name


def test_a_page_is_read(shell: Shell) -> None:
    written(shell)
    if shutil.which("man") is None or shutil.which("groff") is None:
        pytest.skip("needs man with groff")
    environ = {
        **shell.environ,
        "MANPATH": str(shell.folder / "man"),
        "MANPAGER": "cat",
        "MANWIDTH": "80",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(["man", "aivp-fmt"], env=environ, capture_output=True, text=True, check=False)
    assert "Lay out YAML and CUE files alike" in done.stdout


@pytest.mark.parametrize("text", [".so /etc/passwd", "'br", "a\\fBb", "x\n.SH y", "\x1b[2J", "-", '"', "\u202e"])
def test_nothing_in_a_text_is_a_request(text: str) -> None:
    shown = escape(text)
    assert not shown.startswith((".", "'"))
    assert "\n" not in shown
    assert "\x1b" not in shown
    assert "\\fB" not in shown
    page = man_page(Page(text, text, [text], text, [(text, text)], [(text, text)], [text]), text)
    requests = {line.split()[0] for line in page.splitlines() if line.startswith(".")}
    assert requests <= {".TH", ".SH", ".TP", ".B", ".PP"}


def test_a_folder_that_cannot_be(shell: Shell) -> None:
    (shell.folder / "file").write_text("")
    done = shell.run("man", "-o", "file/man1")
    assert done.returncode == 1
    assert b"AIVP0902" in done.stderr
    assert os.listdir(shell.folder) == ["file"]
