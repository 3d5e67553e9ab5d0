"""SARIF: valid by the standard's own schema whatever is in it, always the same bytes, rules from the catalogue."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivp.diagnostics import Diagnostic, Related, Span
from aivp.diagnostics.catalogue import SUMMARIES
from aivp.views.sarif import MOST, render_sarif
from tests.cli.test_commands import Shell

SCHEMA = json.loads((Path(__file__).parent / "sarif/sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
for part in ("run", "toolComponent"):  # its pattern has a bracket too many, which only JavaScript takes
    del SCHEMA["definitions"][part]["properties"]["language"]["pattern"]
VALIDATOR = jsonschema_rs.Draft7Validator(SCHEMA, validate_formats=True)
BAD = "resources:\n  file.a: {host: lab, path: /a, mdoe: x}\n  file.b: {host: lap, path: /b}\n"


def read(text: str) -> dict[str, Any]:
    """The one run of a log, which holds the standard's schema."""
    assert text.isascii()
    log = json.loads(text)
    assert [f"{error.instance_path}: {error.message}" for error in VALIDATOR.iter_errors(log)] == []
    (run,) = log["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return run


def rendered(*items: Diagnostic, directory: str = ".") -> dict[str, Any]:
    return read(render_sarif(items, directory, is_whole=True))


def test_the_schema_is_the_published_one_and_refuses() -> None:
    assert SCHEMA["$id"].endswith("oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json")
    assert not VALIDATOR.is_valid({"version": "2.1.0"})


def test_a_result_has_its_place_its_rule_and_what_is_related() -> None:
    related = (Related(Span("b.yaml", 3, 1), "declared here"),)
    item = Diagnostic("AIVP0203", "It is not there.", "Declare it.", Span("a b.yaml", 2, 5), "file.a@lab", related)
    run = rendered(item, item)
    (result,) = run["results"]
    assert result["message"]["text"] == "It is not there.\nDeclare it."
    assert result["level"] == "error"
    place = {"artifactLocation": {"uri": "a%20b.yaml"}, "region": {"startLine": 2, "startColumn": 5}}
    assert result["locations"][0]["physicalLocation"] == place
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "file.a@lab"
    assert result["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 3
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["shortDescription"]["text"] == "Unknown reference"
    assert "aivp explain AIVP0203" in rule["help"]["text"]


def test_every_rule_is_valid_and_its_markdown_whole() -> None:
    run = rendered(*(Diagnostic(code, "why") for code in sorted(SUMMARIES)))
    for rule in run["tool"]["driver"]["rules"]:
        fences = re.findall(r"(?m)^```", rule["help"]["markdown"])
        assert len(fences) % 2 == 0


def test_nothing_to_say_is_a_log_all_the_same() -> None:
    run = rendered()
    assert (run["results"], run["invocations"]) == ([], [{"executionSuccessful": True}])


def test_what_has_no_place_stands_at_the_root_document() -> None:
    (result,) = rendered(Diagnostic("AIVP0510", "no run"), directory="sites/one")["results"]
    assert result["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "sites/one/aivp.yaml"}}}]


@pytest.mark.parametrize(
    ("directory", "file", "uri"),
    [
        (".", "a.yaml", "a.yaml"),
        ("site", "b/a.yaml", "site/b/a.yaml"),
        ("./site/", "a.yaml", "site/a.yaml"),
        ("../other", "a.yaml", "a.yaml"),
        ("/nowhere/at/all", "a.yaml", "a.yaml"),
        (".", "/etc/x", "etc/x"),
        (".", "../../x", "../../x"),
        (".", "ä %?#.yaml", "%C3%A4%20%25%3F%23.yaml"),
        (".", "a\udc80\ud800", "a%5Cudc80%5Cud800"),
    ],
)
def test_paths_are_those_of_the_checkout(directory: str, file: str, uri: str) -> None:
    (result,) = rendered(Diagnostic("AIVP0101", "x", span=Span(file, 1, 1)), directory=directory)["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_no_link_of_a_message_is_one() -> None:
    (result,) = rendered(Diagnostic("AIVP0101", "[click](https://evil.example) \x1b[31m \u202e x"))["results"]
    assert result["message"]["text"] == "[click]\\(https://evil.example) \\x1b[31m \\u202e x"


def test_thousands_are_cut_and_say_so() -> None:
    items = [Diagnostic("AIVP0101", str(number), severity="warning") for number in range(MOST)]
    run = rendered(*items, Diagnostic("AIVP0102", "an error"))
    assert len(run["results"]) == MOST
    assert run["results"][0]["level"] == "error"
    (notice,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notice["message"]["text"] == "1 more are left out."


TEXT = st.text(st.characters(exclude_categories=[]), max_size=40)


@given(TEXT, TEXT, st.integers(-1, 9), st.integers(-1, 9), TEXT)
def test_whatever_is_said_is_a_valid_log(text: str, file: str, line: int, column: int, address: str) -> None:
    span = Span(file, line, column)
    item = Diagnostic("AIVP0101", text, text, span, address, (Related(span, text),), "warning")
    log = render_sarif([item, Diagnostic("X", text)], ".", is_whole=False)
    read(log)
    assert log == render_sarif([item, Diagnostic("X", text)], ".", is_whole=False)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    found.declare(BAD)
    return found


@pytest.mark.parametrize("command", ["validate", "plan", "compile", "graph", "observe", "apply"])
def test_any_command_reports_beside_what_people_see(shell: Shell, command: str) -> None:
    done = shell.run(command, "--sarif", "out.sarif")
    assert done.returncode == 1
    assert b"error[AIVP0301]" in done.stderr
    run = read((shell.folder / "out.sarif").read_text())
    assert [(item["ruleId"], item["locations"][0]["physicalLocation"]["region"]) for item in run["results"]] == [
        ("AIVP0301", {"startLine": 5, "startColumn": 33}),
        ("AIVP0210", {"startLine": 6, "startColumn": 18}),
    ]


def test_the_log_from_outside_the_project(shell: Shell) -> None:
    (shell.folder / "sub").mkdir()
    (shell.folder / "aivp.yaml").rename(shell.folder / "sub/aivp.yaml")
    done = shell.run("-C", "sub", "validate", "--json", "--sarif", "out.sarif")
    run = read((shell.folder / "out.sarif").read_text())
    assert {item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for item in run["results"]} == {
        "sub/aivp.yaml"
    }
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["code"] for item in told] == [item["ruleId"] for item in run["results"]]


def test_a_project_without_mistakes_and_a_file_that_cannot_be_written(shell: Shell) -> None:
    shell.declare("")
    assert shell.code("validate", "--sarif", "out.sarif") == 0
    assert read((shell.folder / "out.sarif").read_text())["results"] == []
    done = shell.run("validate", "--sarif", "nowhere/out.sarif")
    assert (done.returncode, b"error[AIVP0902]" in done.stderr) == (1, True)
    shell.declare(BAD)
    done = shell.run("validate", "--sarif", "nowhere/out.sarif")
    assert (done.returncode, b"AIVP0301" in done.stderr, b"AIVP0902" in done.stderr) == (1, True, True)


def test_warnings_of_a_plan_are_in_it(shell: Shell) -> None:
    text = "aivp: v1\nproject: calm\nhosts: {lab: {transport: exec, command: ['false']}}\nresources: {noop.n: {}}\n"
    (shell.folder / "aivp.yaml").write_text(text)
    assert shell.code("plan", "--sarif", "out.sarif") == 0
    (result,) = read((shell.folder / "out.sarif").read_text())["results"]
    assert (result["ruleId"], result["level"]) == ("AIVP0601", "warning")


def test_a_bug_of_ours_leaves_a_log_that_says_so(shell: Shell) -> None:
    (shell.folder / "sitecustomize.py").write_text(
        "import sys, types\nsys.modules['aivp.engine'] = types.ModuleType('x')\n"
    )
    done = shell.run("validate", "--sarif", "out.sarif", env={"PYTHONPATH": str(shell.folder)})
    assert (done.returncode, b"AIVP0999" in done.stderr) == (1, True)
    assert read((shell.folder / "out.sarif").read_text())["invocations"] == [{"executionSuccessful": False}]
