"""show, diff and explain from outside: what they print, how they end, and what they do with anything else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_commands import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    found.declare(
        "variables: {v: {type: string, default: x}}\n"
        "resources:\n"
        f"  file.a: {{host: lab, path: {found.things}/a, content: '${{var.v}}'}}\n"
        "  noop.n: {host: lab, for_each: [b, c]}\n"
    )
    return found


def test_a_plan_is_compared_with_itself_and_with_another(shell: Shell) -> None:
    assert shell.code("plan", "-o", "one.json") == 0
    assert shell.code("plan", "-o", "two.json", "--bundle", "two.tar") == 0
    same = shell.run("diff", "one.json", "two.tar")
    assert (same.returncode, same.stdout) == (0, b"Both do the same: 3 steps.\n")
    assert shell.code("plan", "-o", "other.json", "--var", "v=y") == 0
    done = shell.run("diff", "one.json", "other.json")
    assert (done.returncode, done.stderr) == (2, b"")
    assert "content: x -> y" in done.stdout.decode()
    lines = [json.loads(line) for line in shell.run("diff", "one.json", "other.json", "--json").stdout.splitlines()]
    assert [line["type"] for line in lines] == ["step-compared", "compared"]
    assert shell.run("diff", "one.json", "other.json", "--format", "markdown").stdout.startswith(
        b"<!-- aivp/diff/calm/main -->"
    )


def test_markdown_holds_the_digest_that_was_recorded(shell: Shell) -> None:
    told = json.loads(shell.run("plan", "-o", "p.json", "--json").stdout.splitlines()[-1])["digest"]
    for done in (shell.run("show", "p.json", "--format", "markdown"), shell.run("plan", "--format", "markdown")):
        assert (done.returncode, done.stderr) == (0, b"")
        assert f"Digest `{told}`" in done.stdout.decode()


def test_one_format_at_a_time(shell: Shell) -> None:
    shell.run("plan", "-o", "p.json")
    for words in (("show", "p.json"), ("diff", "p.json", "p.json"), ("plan",)):
        done = shell.run(*words, "--format", "markdown", "--json")
        assert (done.returncode, b"exclude each other" in done.stderr) == (1, True)


def test_what_is_no_plan_cannot_be_compared(shell: Shell) -> None:
    shell.run("plan", "-o", "p.json")
    done = shell.run("diff", "p.json", "aivp.yaml")
    assert (done.returncode, b"AIVP0505" in done.stderr) == (4, True)
    done = shell.run("diff", "p.json", "nothing.json")
    assert (done.returncode, b"AIVP0903" in done.stderr) == (1, True)


@pytest.mark.parametrize("lie", ["\\ud800", "\\udfff"])
def test_half_a_character_makes_no_plan(shell: Shell, lie: str) -> None:
    shell.run("plan", "-o", "p.json")
    path = shell.folder / "p.json"
    path.write_text(path.read_text().replace("not there yet", f"not {lie} there", 1))
    for words in (("show", "p.json"), ("show", "p.json", "--json"), ("diff", "p.json", "p.json")):
        assert shell.code(*words) == 4


def test_explain_one_several_or_none(shell: Shell) -> None:
    one = shell.run("explain", "file.a").stdout.decode()
    assert "<- var.v = x  (default, aivp.yaml:4:" in one
    several = shell.run("explain", "noop.n").stdout.decode()
    assert "noop.n[b]@lab  declared at" in several
    assert "These are 2." in several
    assert shell.run("explain", "noop.n", "-v").stdout.decode().count("Why it is there") == 2
    none = shell.run("explain", "noop.m")
    assert (none.returncode, b"Did you mean noop.n" in none.stderr) == (1, True)


def test_explain_shows_the_step_of_a_plan(shell: Shell) -> None:
    shell.run("plan", "-o", "p.json")
    for words in (("--plan", "p.json"), ("--live",)):
        said = shell.run("explain", "file.a", *words).stdout.decode()
        assert "+ file.a@lab: not there yet" in said
        assert '~ content: "${var.v}"' in said
    assert shell.code("explain", "file.a", "--plan", "p.json", "--live") == 1
    (shell.folder / "aivp.yaml").write_text("aivp: v1\nproject: other\nhosts: {lab: {transport: local}}\n")
    done = shell.run("explain", "file.a", "--plan", "p.json")
    assert (done.returncode, b"AIVP0940" in done.stderr) == (1, True)


def test_a_closed_pipe_is_no_failure(shell: Shell) -> None:
    shell.run("plan", "-o", "p.json")
    for words in ("show p.json --format markdown", "diff p.json p.json", "explain file.a"):
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; aivp {words} | true; echo ${{PIPESTATUS[0]}}"],
            cwd=shell.folder,
            env=shell.environ,
            capture_output=True,
            check=False,
        )
        assert (done.stdout.strip() in (b"0", b"1"), done.stderr) == (True, b"")


def test_no_color_and_forty_columns(shell: Shell) -> None:
    shell.run("plan", "-o", "p.json")
    done = shell.run("show", "p.json", env={"COLUMNS": "40", "NO_COLOR": "1"})
    assert max(map(len, done.stdout.decode().splitlines())) <= 40
    assert b"\x1b" not in done.stdout
