"""A stranger's declaration planned from evidence that somebody trusted has recorded: what a pull request is shown."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.test_commands import Shell

FILES = """resources:
  file.a: {{path: {things}/a, content: "{a}", create_parents: true}}
  file.s: {{path: {things}/s, content: "${{secret.pw}}"}}
secrets: {{pw: {{env: PW}}}}
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_plan_for_review(shell: Shell) -> None:
    """It says what would change and nothing else, asks nobody, makes no state, and is no plan to apply."""
    shell.environ["PW"] = "planted-in-this-test"
    shell.declare(FILES.format(things=shell.things, a="x"))
    assert shell.code("apply", "-y") == 0
    assert shell.code("observe", "-o", "evidence.json") == 0
    assert b"planted" not in (shell.folder / "evidence.json").read_bytes()
    elsewhere = Shell(shell.folder)
    elsewhere.environ["AIVP_HOST_STATE"] = "/nowhere"
    os.rename(shell.folder / "evidence.json", elsewhere.folder / "evidence.json")
    away = "state: {postgres: {host: 192.0.2.1, database: theirs}}\n"
    elsewhere.declare(away + FILES.format(things=shell.things, a="x"))
    words = ("plan", "--untrusted", "--observed", "evidence.json", "-o", "plan.json", "--detailed-exitcode")
    done = elsewhere.run(*words)
    assert (done.returncode, b"No changes" in done.stdout, done.stderr) == (0, True, b"")
    new = FILES.format(things=shell.things, a="y").replace("secrets:", "  file.n: {path: /n, content: n}\nsecrets:")
    elsewhere.declare(away + new)
    done = elsewhere.run(*words)
    said = done.stdout.decode()
    assert (done.returncode, done.stderr) == (2, b"")
    assert "file.a@lab: the declaration changed\n        ~ content:" in said
    assert "file.n@lab: new since the evidence was recorded" in said
    assert ("1 unchanged" in said, "Note:" in said, "aivp apply" in said) == (True, False, False)
    assert not (elsewhere.folder / ".aivp").exists()
    steps = json.loads((elsewhere.folder / "plan.json").read_bytes())["steps"]
    assert [[change["path"] for change in step["changes"]] for step in steps] == [["/content"], ["/content", "/path"]]
    elsewhere.declare(new)
    for said in (("apply", "plan.json"), ("apply", "plan.json", "--digest", "0" * 64)):
        done = elsewhere.run(*said)
        assert (done.returncode, b"AIVP0503" in done.stderr) == (4, True)


def test_drift_in_recorded_evidence(shell: Shell) -> None:
    """What a job recorded is looked through later, without asking anybody."""
    shell.environ["PW"] = "x"
    shell.declare(FILES.format(things=shell.things, a="x"))
    assert shell.code("apply", "-y") == 0
    (shell.things / "a").write_text("by hand")
    assert shell.code("observe", "-o", "evidence.json") == 0
    (shell.things / "a").write_text("x")
    shell.environ["AIVP_HOST_STATE"] = "/nowhere"
    done = shell.run("drift", "--observed", "evidence.json")
    assert (done.returncode, b"file.a@lab: it drifted" in done.stdout) == (2, True)
