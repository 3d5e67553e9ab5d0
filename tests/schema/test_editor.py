"""A person writes aivp.yaml in an editor: what the real yaml-language-server makes of the schema that aivp installs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_commands import AIVP
from tests.schema.editor import Editor

ROOT = Path(__file__).parents[2]
HEAD = "# yaml-language-server: $schema=.aivp/schema.json\n"
BEGIN = HEAD + "aivp: v1\nproject: x\nhosts:\n  here: {transport: local}\nresources:\n"


@pytest.fixture(scope="module")
def editor(server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "aivp.yaml").write_text("aivp: v1\nproject: x\ninclude: [more/a.yaml]\n")
    (folder / "more").mkdir()
    (folder / "more/a.yaml").write_text("resources: {}\n")
    subprocess.run([AIVP, "schema", "--install"], cwd=folder, capture_output=True, check=True)
    with Editor(server, folder) as found:
        yield found


def opened(editor: Editor, text: str) -> list[str]:
    return editor.open("aivp.yaml", text)


def test_install_names_the_schema_in_every_file(editor: Editor) -> None:
    assert (editor.folder / "aivp.yaml").read_text().startswith(HEAD)
    text = (editor.folder / "more/a.yaml").read_text()
    assert text == "# yaml-language-server: $schema=../.aivp/schema.json\nresources: {}\n"
    assert editor.open("more/a.yaml", text + "  file.a: 1\n") != []
    again = subprocess.run([AIVP, "schema", "--install"], cwd=editor.folder, capture_output=True, check=True)
    assert b"names it" not in again.stdout


def test_an_empty_file_is_offered_every_section(editor: Editor) -> None:
    assert opened(editor, HEAD) == []
    offered = editor.complete("aivp.yaml", 1, 0)
    assert {"aivp", "project", "hosts", "resources", "variables", "secrets"} <= offered.keys()


def test_a_kind_is_completed_with_what_it_needs(editor: Editor) -> None:
    opened(editor, BEGIN + "  file\n")
    offered = editor.complete("aivp.yaml", 6, 6)
    assert offered["file.NAME"] == "file.${1:file}:\n  path: ${2:}"
    assert offered["command.NAME"] == "command.${1:command}:\n  argv:\n    - ${2:value}"
    assert offered["package.NAME"] == "package.${1:package}: {$2}"


def test_fields_of_the_kind_are_completed_and_nothing_else(editor: Editor) -> None:
    assert opened(editor, BEGIN + "  file.a:\n    path: /a\n    \n") == []
    offered = editor.complete("aivp.yaml", 8, 4)
    assert {"content", "mode", "owner", "state", "notify", "lifecycle"} <= offered.keys()
    assert not {"path", "packages", "uid", "aivp v1"} & offered.keys()


def test_values_are_completed(editor: Editor) -> None:
    opened(editor, BEGIN + "  file.a:\n    path: /a\n    state: \n")
    assert {"file", "directory", "absent"} <= editor.complete("aivp.yaml", 8, 11).keys()
    opened(editor, HEAD + "aivp: v1\nproject: x\nhosts:\n  a:\n    transport: ssh\n    \n")
    offered = editor.complete("aivp.yaml", 6, 4)
    assert {"address", "user", "port", "become", "labels"} <= offered.keys()


def test_hover_tells_what_the_manifest_says(editor: Editor) -> None:
    opened(editor, BEGIN + "  file.a:\n    path: /a\n    mode: '0644'\n")
    assert "A file, directory or symbolic link" in editor.hover("aivp.yaml", 6, 4)
    assert "Where it lies" in editor.hover("aivp.yaml", 7, 5)
    assert "What is declared" in editor.hover("aivp.yaml", 5, 3)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("  file.a: {path: /a, nope: 1}", "7: Property nope is not allowed."),
        ("  nofile.a: {}", "7: Property nofile.a is not allowed."),
        ("  file.a: {path: /a, mode: 0x1A4}", "7: Incorrect type"),
        (
            "  file.a: {path: /a, state: directory, content: x}",
            "7: content does not go together with state: directory.",
        ),
        ("  file.a: {path: /a, content: x, source: y}", "7: source and content do not go together."),
        ("  user.a: {uid: '${nope'}", "7: "),
    ],
)
def test_a_mistake_is_shown_where_it_stands(editor: Editor, lines: str, message: str) -> None:
    found = opened(editor, BEGIN + lines + "\n")
    assert len(found) == 1
    assert found[0].startswith(message)


def test_references_stand_for_values_of_every_type(editor: Editor) -> None:
    lines = "  user.a: {uid: '${var.uid}', system: '${var.s}', groups: '${var.g}', when: '${var.w}'}\n"
    assert opened(editor, BEGIN + lines) == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").glob("0*/*.yaml")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_no_example_has_a_mistake(editor: Editor, path: Path) -> None:
    assert opened(editor, HEAD + path.read_text()) == []
