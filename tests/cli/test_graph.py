"""`aivp graph` from outside: what it writes in which form, and what it refuses."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.test_commands import Shell

TWO = """
resources:
  file.motd: {host: lab, path: THINGS/motd, content: hello}
  file.more: {host: lab, path: THINGS/more, content: "${file.motd.path}"}
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    found.declare(TWO.replace("THINGS", str(found.things)))
    return found


def test_svg_holds_every_resource_and_who_waits(shell: Shell) -> None:
    root = ET.fromstring(shell.run("graph", "--format", "svg").stdout)
    texts = [item.text for item in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"file.motd", "file.more", "lab"} <= set(texts)
    titles = [item.text or "" for item in root.iter("{http://www.w3.org/2000/svg}title")]
    assert "file.motd@lab → file.more@lab: reference" in titles


def test_a_plan_marks_what_it_changes(shell: Shell) -> None:
    assert shell.code("plan", "-o", "plan.json") == 0
    text = shell.run("graph", "--format", "mermaid", "--plan", "plan.json").stdout.decode()
    assert '["file.motd (create)"]:::good' in text
    assert "n0 --> n1" in text or "n1 --> n0" in text
    page = shell.run("graph", "--format", "html", "--plan", "plan.json").stdout.decode()
    assert page.startswith("<!doctype html>")
    assert "2 of them changed by the plan" in page


def test_with_json_a_picture_is_an_artifact(shell: Shell) -> None:
    done = shell.run("graph", "--format", "svg", "-o", "graph.svg", "--json")
    assert json.loads(done.stdout)["file"] == "graph.svg"
    assert (shell.folder / "graph.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("form", ["json", "dot"])
def test_data_has_no_marks(shell: Shell, form: str) -> None:
    done = shell.run("graph", "--format", form, "--plan", "plan.json")
    assert done.returncode == 1
    assert b"marks pictures" in done.stderr


def test_a_plan_of_something_else_is_refused(shell: Shell) -> None:
    assert shell.code("plan", "-o", "plan.json") == 0
    root = shell.folder / "aivp.yaml"
    root.write_text(root.read_text().replace("project: calm", "project: other"))
    done = shell.run("graph", "--format", "svg", "--plan", "plan.json")
    assert done.returncode == 1
    assert b"AIVP0940" in done.stderr
    assert b"calm/" in done.stderr


def test_what_is_no_plan_is_refused(shell: Shell) -> None:
    done = shell.run("graph", "--format", "svg", "--plan", "aivp.yaml")
    assert done.returncode == 4
    assert b"AIVP0505" in done.stderr
