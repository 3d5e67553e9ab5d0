"""Files that are no plan are called what they are, before anybody is asked to believe their digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from aivp.cli.seeming import seeming
from tests.cli.test_commands import Shell
from tests.cli.test_commands import shell as shell

CASES = [
    (b"", "empty"),
    (b"\xff\xfe\x00", "binary data"),
    (b"hello\n", "text"),
    (b"[1, 2]", "JSON that is no object"),
    (b'{"plan": 2}', "a plan that was cut off, changed, or made by another version"),
    (b'{"some": "thing"}', "JSON of something else"),
    (b'{"aivp":1,"type":"step"}\n{"aivp":1}\n', "JSON lines, or JSON that was cut off"),
]


@pytest.mark.parametrize(("body", "name"), CASES, ids=[name for _, name in CASES])
def test_what_it_seems_to_be(body: bytes, name: str) -> None:
    assert seeming(body, "plan") == name


def test_a_plan_where_evidence_is_wanted() -> None:
    assert seeming(b'{"plan": 1}', "evidence") == "a plan, as `aivp plan -o` writes it"
    assert seeming(b'{"evidence": 1}', "evidence") == "evidence that was cut off, changed, or made by another version"


def test_apply_and_show_say_first_that_it_is_no_plan(shell: Shell, tmp_path: Path) -> None:
    assert shell.code("plan", "-o", "plan.json") == 0
    assert shell.code("observe", "-o", "evidence.json") == 0
    assert shell.code("compile", "-o", "ir.json") == 0
    plan = (shell.folder / "plan.json").read_bytes()
    (shell.folder / "half.json").write_bytes(plan[: len(plan) // 2])
    for file, name in (
        ("evidence.json", "evidence, as `aivp observe` writes it"),
        ("ir.json", "a compiled program, as `aivp compile` writes it"),
        ("plan.json.map", "the source map that lies beside a plan"),
        ("aivp.yaml", "the root document of a project"),
        ("half.json", "a plan or other artifact that was cut off"),
    ):
        for words in (("apply", file), ("show", file), ("apply", "--digest", "sha256:00", file)):
            done = shell.run(*words, env={"COLUMNS": "200"})
            said = done.stderr.decode()
            assert (done.returncode, f"{file} is no plan: it seems to be {name}." in said) == (4, True), said
            assert "AIVP0509" not in said
    (shell.folder / "copy.json").write_bytes(plan + b"\n")
    assert "error[AIVP0509]" in shell.run("apply", "copy.json").stderr.decode()
    assert list(shell.things.iterdir()) == []
