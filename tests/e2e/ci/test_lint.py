"""The files of examples/ci as their services' own checkers see them, and what no checker knows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import aivp
from tests.e2e.ci.github import ROOT, WORKFLOWS, load

GITLAB = ROOT / "examples/ci/gitlab/.gitlab-ci.yml"
FILES = sorted(WORKFLOWS.glob("*.yml"))
BIN = Path(sys.executable).parent


def test_actionlint_finds_nothing() -> None:
    found = shutil.which("actionlint", path=f"{BIN}:/usr/local/bin:/usr/bin:/bin")
    if found is None:
        pytest.skip("needs actionlint, which scripts/setup builds where there is Go")
    done = subprocess.run([found, "-no-color", *map(str, FILES)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("schema", "files"), [("vendor.github-workflows", FILES), ("vendor.gitlab-ci", [GITLAB])])
def test_they_are_of_the_published_schemas(schema: str, files: list[Path]) -> None:
    command = [BIN / "check-jsonschema", "--builtin-schema", schema, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_a_careful_reader_looks_for(path: Path) -> None:
    text = path.read_text()
    workflow = load(path)
    assert "pull_request_target" not in text, "its token could write while strangers choose what runs"
    assert workflow["permissions"], "whatever the repository's default is"
    assert workflow["env"]["AIVP"] == aivp.__version__
    for used in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", used), used
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")
            assert len(step.get("run", "").splitlines()) <= 12, "what is long belongs into aivp itself"


def test_only_trusted_workflows_name_secrets() -> None:
    named = {path.stem: sorted(set(re.findall(r"secrets\.(\w+)", path.read_text()))) for path in FILES}
    keys = ["AIVP_SSH_KEY", "PGPASSWORD", "PGUSER"]
    assert named == {"aivp-record": keys, "aivp-apply": keys, "aivp-plan": [], "aivp-comment": []}
    assert "checkout@" not in (WORKFLOWS / "aivp-comment.yml").read_text()


def test_nobody_may_do_more_than_is_needed() -> None:
    found = {path.stem: load(path)["permissions"] for path in FILES}
    assert found == {
        "aivp-record": {"contents": "write"},
        "aivp-plan": {"contents": "read"},
        "aivp-comment": {"actions": "read", "pull-requests": "write"},
        "aivp-apply": {"contents": "read", "actions": "read", "pull-requests": "read"},
    }
    for path in FILES:
        assert not any("permissions" in job for job in load(path)["jobs"].values())


def test_two_applies_never_race() -> None:
    assert load(WORKFLOWS / "aivp-apply.yml")["concurrency"] == {"group": "aivp-apply", "cancel-in-progress": False}
    gitlab = load(GITLAB)
    assert {gitlab[job]["resource_group"] for job in ("live", "apply")} == {"aivp-apply"}
    assert gitlab["apply"]["environment"]


def test_a_forks_pipeline_runs_one_job() -> None:
    """Every other one asks for a schedule, a push or a person on the protected branch."""
    jobs = {name: job for name, job in load(GITLAB).items() if isinstance(job, dict) and "script" in job}
    asked = {name: " ".join(rule["if"] for rule in job["rules"]) for name, job in jobs.items()}
    assert [name for name, text in asked.items() if "merge_request_event" in text] == ["plan"]
    assert not any("$" in text.replace("$CI_PIPELINE_SOURCE", "") for text in asked.values())
