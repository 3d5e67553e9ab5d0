"""Commands that write much to standard output, where nobody reads to the end or nothing can be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_commands import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    found.declare("")
    return found


@pytest.mark.parametrize("words", ["schema", "schema --format cue", "completion bash", "init --list", "fmt --diff"])
def test_a_reader_that_has_gone(shell: Shell, words: str) -> None:
    done = shell.pipe(f"aivp {words} | true")
    assert b"Traceback" not in done.stderr
    assert b"AIVP0999" not in done.stderr


@pytest.mark.parametrize("words", ["schema", "schema --format cue", "completion bash"])
def test_a_full_disk(shell: Shell, words: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    done = shell.pipe(f"aivp {words} > /dev/full")
    assert done.returncode == 1
    assert b"AIVP0908" in done.stderr


def test_a_schema_is_not_written_through_a_link(shell: Shell) -> None:
    """A stranger's project must not reach a file outside of it."""
    outside = shell.things / "precious"
    outside.write_text("mine")
    (shell.folder / ".aivp").mkdir()
    (shell.folder / ".aivp/schema.json").symlink_to(outside)
    assert shell.code("schema", "--install") == 0
    assert outside.read_text() == "mine"
    (shell.folder / ".aivp/schema.json").unlink()
    (shell.folder / ".aivp/.gitignore").unlink()
    (shell.folder / ".aivp").rmdir()
    (shell.folder / ".aivp").symlink_to(shell.things)
    done = shell.run("schema", "--install")
    assert done.returncode == 1
    assert b"AIVP0103" in done.stderr
    assert sorted(path.name for path in shell.things.iterdir()) == ["precious"]


@pytest.mark.parametrize("name", ["1-site", "a b", "a\x1b", ""])
def test_packages_that_are_none(shell: Shell, name: str) -> None:
    done = shell.run("schema", "--format", "cue", "--package", name)
    assert done.returncode == 1
    assert b"AIVP0958" in done.stderr
    assert b"\x1b" not in done.stderr
