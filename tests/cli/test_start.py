"""What a command imports: starting up stays fast only while nobody imports what they do not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aivp.cli.commands import COMMANDS

HEAVY = frozenset(
    "networkx jinja2 markupsafe rich pydantic pydantic_core sqlite3 _sqlite3 cryptography jsonschema_rs packaging yaml"
    " asyncio http ssl".split()
)
CALM = "aivp: v1\nproject: calm\nhosts: {lab: {transport: local}}\n"
FILE = CALM + "resources: {file.a: {host: lab, path: /tmp/a, content: x}}\n"
_SAY = """
import sys
before = set(sys.modules)
from aivp.cli.main import main
try:
    main()
finally:
    print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""


def imported(folder: Path, *words: str) -> frozenset[str]:
    """The modules that a command has imported when it ends, which it must do with 0."""
    command = [sys.executable, "-c", _SAY, *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return frozenset(done.stderr.split())


def test_version_imports_next_to_nothing(tmp_path: Path) -> None:
    found = imported(tmp_path, "--version")
    assert not found & {*HEAVY, "click", "json", "re", "pathlib", "typing", "dataclasses", "argparse"}
    assert {name for name in found if name.partition(".")[0] == "aivp"} == {"aivp", "aivp.cli", "aivp.cli.main"}


def test_help_imports_click_and_no_command(tmp_path: Path) -> None:
    found = imported(tmp_path, "--help")
    assert not found & {*HEAVY, "json"}
    assert {name for name in found if name.startswith("aivp.")} == {"aivp.cli", "aivp.cli.main", "aivp.cli.commands"}


@pytest.mark.parametrize("command", [*COMMANDS, "state list", "runs abandon", "providers show", "secrets key"])
def test_help_of_a_command_imports_nothing_heavier_than_click(tmp_path: Path, command: str) -> None:
    """Of ours only the command line and what a refusal is made of."""
    found = imported(tmp_path, *command.split(), "--help")
    assert not found & {*HEAVY, "json", "pathlib", "tempfile", "subprocess", "decimal"}
    ours = {name for name in found if name.startswith("aivp")}
    assert not {name for name in ours if not name.startswith(("aivp.cli", "aivp.diagnostics"))} - {"aivp"}


def test_validate_imports_what_the_project_needs(tmp_path: Path) -> None:
    (tmp_path / "aivp.yaml").write_text(FILE)
    found = imported(tmp_path, "validate")
    assert not found & {"networkx", "jinja2", "sqlite3", "rich", "pydantic", "cryptography"}
    assert not {name for name in found if name.startswith(("aivp.hosts", "aivp.state", "aivp.secrets", "aivp.apply"))}


def test_no_command_imports_a_provider(tmp_path: Path) -> None:
    (tmp_path / "aivp.yaml").write_text(FILE)
    for words in (("validate",), ("providers", "list"), ("compile",)):
        assert not {
            name for name in imported(tmp_path, *words) if name.startswith(("aivp_host", "aivp_sdk", "aivp_runner"))
        }
