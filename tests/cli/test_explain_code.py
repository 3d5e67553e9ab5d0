"""`aivp explain CODE`, and diagnostics on bad terminals and of bad files, as a person meets them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from aivp.diagnostics.catalogue import SUMMARIES
from aivp.diagnostics.explanation import explain, normal
from aivp.views.code_text import render_explanation
from aivp.views.page import cells
from tests import schemas
from tests.cli.test_commands import Shell
from tests.cli.test_start import imported


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.parametrize("word", ["AIVP0203", "aivp0203", "0203", "203"])
def test_a_code_is_explained_without_a_project(shell: Shell, word: str) -> None:
    done = shell.run("explain", word)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith("AIVP0203: Unknown reference\n")


def test_other_words_are_no_codes() -> None:
    assert [normal(word) for word in ("var.x", "file.a", "port", "12", "aivp", "12345", "x0203")] == [None] * 7


@pytest.mark.parametrize("word", ["AIVP0299", "0000", "AIVPX", "AIVP\x1b[31m" + "9" * 500])
def test_a_code_that_is_none(shell: Shell, word: str) -> None:
    done = shell.run("explain", word)
    said = done.stderr.decode()
    assert (done.returncode, done.stdout) == (1, b"")
    assert said.startswith("error[AIVP0913]: Unknown diagnostic\n")
    assert "\x1b" not in said


def test_the_nearest_codes_are_named(shell: Shell) -> None:
    assert "AIVP0203 (Unknown reference)" in " ".join(shell.run("explain", "AIVP02033").stderr.decode().split())


def test_a_retired_code_says_what_took_its_place(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from aivp.cli.commands import cli
    from aivp.diagnostics import catalogue

    monkeypatch.setattr(catalogue, "RETIRED", {"AIVP0299": "AIVP0203 says it"})
    done = CliRunner().invoke(cli, ["explain", "0299"])
    assert (done.exit_code, "AIVP0299 is not said any more: AIVP0203 says it." in done.output) == (1, True)


def test_as_json_it_holds_what_is_shown(shell: Shell) -> None:
    (line,) = schemas.check_lines(["--json"], shell.run("explain", "AIVP0509", "--json").stdout)
    found = explain("AIVP0509")
    assert (line["what"], line["why"], line["mend"]) == (found.what, found.why, found.mend)
    assert line["bad"] == {"files": dict(found.bad.files), "commands": list(found.bad.commands)}


@pytest.mark.parametrize("width", [40, 80, 160])
def test_every_explanation_fits_its_terminal(width: int) -> None:
    for code in SUMMARIES:
        text = render_explanation(explain(code), color=False, width=width)
        assert all(cells(row) <= width and row == row.rstrip() for row in text.split("\n")), text


def test_explaining_imports_neither_the_engine_nor_a_parser(tmp_path: Path) -> None:
    found = imported(tmp_path, "explain", "AIVP0203")
    assert not found & {"yaml", "networkx", "jinja2", "sqlite3", "rich", "jsonschema_rs", "json"}
    assert not {name for name in found if name.startswith(("aivp.engine", "aivp.compile", "aivp.config", "aivp.plan"))}


BAD = "resources:\n" + "".join(f"  file.f{number}: {{host: lab, path: /a, mdoe: x}}\n" for number in range(3000))


@pytest.mark.parametrize("line", ["aivp explain 0203 | head -c 1", "aivp validate 2>&1 >/dev/null | head -c 1"])
def test_a_reader_who_has_had_enough(shell: Shell, line: str) -> None:
    shell.declare(BAD)
    done = shell.pipe(line, COLUMNS="40")
    assert done.stderr == b""
    assert len(done.stdout) == 1


def test_thousands_of_mistakes_are_a_page_and_all_of_them_on_demand(shell: Shell) -> None:
    shell.declare(BAD)
    said = shell.run("validate", env={"COLUMNS": "40"}).stderr.decode()
    assert "\n2,980 more, which --verbose shows:\n  aivp.yaml: 2,980 errors\n\n3,000 errors.\n" in said
    assert all(cells(row) <= 40 for row in said.split("\n"))
    assert shell.run("validate", "--verbose").stderr.decode().count("error[") == 3000
    assert len(shell.run("validate", "--json").stdout.splitlines()) == 3000


def test_bytes_that_are_no_text_are_shown_as_what_they_are(shell: Shell) -> None:
    (shell.folder / "aivp.yaml").write_bytes(b"aivp: v1\nproject: calm\nvalues: {a: caf\xe9}\n")
    said = shell.run("validate").stderr.decode()
    assert "    3 | values: {a: caf\\xe9}\n      |                ^^^^" in said


def test_a_file_that_became_a_pipe_meanwhile_is_not_waited_for(tmp_path: Path) -> None:
    from aivp.cli.failure import _source

    os.mkfifo(tmp_path / "aivp.yaml")
    assert _source(str(tmp_path), "aivp.yaml") is None
    assert _source(str(tmp_path), "gone\0.yaml") is None


def test_cue_keeps_its_own_places(shell: Shell) -> None:
    shell.declare("include: [site]\n")
    for name, text in (
        ("cue.mod/module.cue", 'module: "example.com/shop"\nlanguage: version: "v0.9.0"\n'),
        ("site/a.cue", "package site\n\nvalues: motd: greeting\n"),
    ):
        (shell.folder / name).parent.mkdir()
        (shell.folder / name).write_text(text)
    done = shell.run("validate")
    assert (
        "    site/a.cue:3:15\n    3 | values: motd: greeting\n      |               ^^^^^^^^\n" in done.stderr.decode()
    )
    (line,) = map(json.loads, shell.run("validate", "--json").stdout.splitlines())
    assert line["span"] == {"file": "site/a.cue", "line": 3, "column": 15}
